"""A tiny network of the classifier's kind in PyTorch: features, logits, the loss and its gradients.

Writes classifier-tiny.safetensors to packages/metrics/test/goldens.
Run with the packages of ../requirements.txt: python make.py
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parents[1]))
from files import write_safetensors  # noqa: E402

SIDE, COLOURS, CLASSES, IMAGES = 7, 2, 3, 5
CONVOLUTIONS = [(5, 2, 4), (3, 1, 3), (3, 2, 6)]  # size, stride, channels

torch.manual_seed(10)
torch.set_default_dtype(torch.float64)
images = torch.randint(0, 256, (IMAGES, SIDE, SIDE, COLOURS)).double()
classes = torch.randint(0, CLASSES, (IMAGES,))
parameters = {}
inputs = COLOURS
for i, (size, _, channels) in enumerate(CONVOLUTIONS):
    parameters[f"conv{i + 1}.weight"] = 0.3 * torch.randn(size, size, inputs, channels)
    parameters[f"conv{i + 1}.bias"] = 0.1 * torch.randn(channels)
    inputs = channels
parameters["linear.weight"] = torch.randn(inputs, CLASSES)
parameters["linear.bias"] = torch.randn(CLASSES)
# What the file holds is rounded to single precision: compute with the same numbers.
parameters = {name: p.float().double().requires_grad_() for name, p in parameters.items()}


def same(x, size, stride):
    """TensorFlow's padding 'same': the odd pixel goes below and to the right."""
    total = max((-(-x.shape[2] // stride) - 1) * stride + size - x.shape[2], 0)
    return F.pad(x, (total // 2, total - total // 2) * 2)


x = ((images - 120) / 64).permute(0, 3, 1, 2)
for i, (size, stride, _) in enumerate(CONVOLUTIONS):
    weight = parameters[f"conv{i + 1}.weight"].permute(3, 2, 0, 1)
    x = F.relu(F.conv2d(same(x, size, stride), weight, parameters[f"conv{i + 1}.bias"], stride))
features = x.mean((2, 3))
logits = features @ parameters["linear.weight"] + parameters["linear.bias"]
loss = F.cross_entropy(logits, classes)
loss.backward()

write_safetensors(
    "metrics",
    "classifier-tiny.safetensors",
    {
        "images": images,
        "classes": classes,
        "features": features,
        "logits": logits,
        "loss": loss.reshape(1),
        **{f"parameter.{name}": p for name, p in parameters.items()},
        **{f"gradient.{name}": p.grad for name, p in parameters.items()},
    },
)
