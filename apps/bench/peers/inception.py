"""
Inception-v3 as pytorch-fid has it: convolution, batch norm and ReLU one after the other, images resized by
torch.nn.functional.interpolate, the spatial mean of Mixed_6e (768 features) or of Mixed_7c (2048).
"""

import torch
import torch.nn.functional as F
from torch import nn

EPSILON = 0.001


class Convolution(nn.Module):
    """Weights come with batch norm folded in: what is left of that adds the bias, and costs what it costs."""

    def __init__(self, arrays, name, stride=1, padding=0):
        super().__init__()
        weight = torch.tensor(arrays[f"{name}.conv.weight"])
        outputs, inputs, height, width = weight.shape
        self.conv = nn.Conv2d(inputs, outputs, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=EPSILON)
        self.conv.weight.data = weight
        self.bn.running_var.fill_(1 - EPSILON)
        self.bn.bias.data = torch.tensor(arrays[f"{name}.conv.bias"])

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Fork(nn.Module):
    """Branches that read one input, joined along the channels."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


def average():
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


class Inception(nn.Module):
    def __init__(self, arrays, features):
        super().__init__()

        def conv(name, stride=1, padding=0):
            return Convolution(arrays, name, stride, padding)

        def chain(block, *layers):
            return nn.Sequential(
                *(layer if isinstance(layer, nn.Module) else conv(f"{block}.{layer[0]}", *layer[1:]) for layer in layers)
            )

        def five_by_five(block):
            return Fork(
                chain(block, ["branch1x1"]),
                chain(block, ["branch5x5_1"], ["branch5x5_2", 1, 2]),
                chain(block, ["branch3x3dbl_1"], ["branch3x3dbl_2", 1, 1], ["branch3x3dbl_3", 1, 1]),
                chain(block, average(), ["branch_pool"]),
            )

        def seven_by_seven(block):
            return Fork(
                chain(block, ["branch1x1"]),
                chain(block, ["branch7x7_1"], ["branch7x7_2", 1, (0, 3)], ["branch7x7_3", 1, (3, 0)]),
                chain(
                    block,
                    ["branch7x7dbl_1"],
                    ["branch7x7dbl_2", 1, (3, 0)],
                    ["branch7x7dbl_3", 1, (0, 3)],
                    ["branch7x7dbl_4", 1, (3, 0)],
                    ["branch7x7dbl_5", 1, (0, 3)],
                ),
                chain(block, average(), ["branch_pool"]),
            )

        def wide(block, pool):
            def fork(name):
                return Fork(conv(f"{block}.{name}a", 1, (0, 1)), conv(f"{block}.{name}b", 1, (1, 0)))

            return Fork(
                chain(block, ["branch1x1"]),
                chain(block, ["branch3x3_1"], fork("branch3x3_2")),
                chain(block, ["branch3x3dbl_1"], ["branch3x3dbl_2", 1, 1], fork("branch3x3dbl_3")),
                chain(block, pool, ["branch_pool"]),
            )

        halving = lambda: nn.MaxPool2d(3, stride=2)
        layers = [conv("Conv2d_1a_3x3", 2), conv("Conv2d_2a_3x3"), conv("Conv2d_2b_3x3", 1, 1), halving()]
        if features >= 192:
            layers += [conv("Conv2d_3b_1x1"), conv("Conv2d_4a_3x3"), halving()]
        if features >= 768:
            layers += [five_by_five("Mixed_5b"), five_by_five("Mixed_5c"), five_by_five("Mixed_5d")]
            layers.append(
                Fork(
                    chain("Mixed_6a", ["branch3x3", 2]),
                    chain("Mixed_6a", ["branch3x3dbl_1"], ["branch3x3dbl_2", 1, 1], ["branch3x3dbl_3", 2]),
                    halving(),
                )
            )
            layers += [seven_by_seven(f"Mixed_6{letter}") for letter in "bcde"]
        if features >= 2048:
            layers.append(
                Fork(
                    chain("Mixed_7a", ["branch3x3_1"], ["branch3x3_2", 2]),
                    chain(
                        "Mixed_7a",
                        ["branch7x7x3_1"],
                        ["branch7x7x3_2", 1, (0, 3)],
                        ["branch7x7x3_3", 1, (3, 0)],
                        ["branch7x7x3_4", 2],
                    ),
                    halving(),
                )
            )
            layers += [wide("Mixed_7b", average()), wide("Mixed_7c", nn.MaxPool2d(3, stride=1, padding=1))]
        self.layers = nn.Sequential(*layers)

    def forward(self, images):
        """Bytes [n, 3, height, width] to features [n, features]."""
        x = images.float() / 255
        x = F.interpolate(x, size=(299, 299), mode="bilinear", align_corners=False)
        x = (2 * x - 1).contiguous(memory_format=torch.channels_last)
        return self.layers(x.to(next(self.parameters()).dtype)).float().mean((2, 3))
