"""The transposed Jacobian of K = 100 noiseless Langevin steps x <- x + f'(x), by autograd through the unrolled chain."""

import torch
from torch import nn

from energy.nets import nchw, scaled, seeded, uniform_images
from files import write_safetensors

STEPS = 100
CHAINS = 2
# The chains travel a visible way, and single precision stays with double.
GAIN = 1.5
ACTIVATIONS = {"swish": nn.SiLU, "softplus": nn.Softplus, "gelu": nn.GELU, "tanh": nn.Tanh}


class SmallNet(nn.Module):
    """f(x) for 8 x 8 images, laid out as the paper's nets."""

    def __init__(self, activation):
        super().__init__()
        layers = [nn.Conv2d(3, 8, 3, 1, 1), activation(), nn.Conv2d(8, 16, 4, 2, 1), activation()]
        self.f = nn.Sequential(*layers, nn.Conv2d(16, 1, 4, 1, 0))

    def forward(self, x):
        return self.f(nchw(x)).reshape(-1)


def main():
    tensors = {}
    for seed, (name, activation) in enumerate(ACTIVATIONS.items()):
        net = scaled(seeded(seed, lambda: SmallNet(activation)), GAIN)
        x0 = uniform_images(seed, CHAINS, 8, 8, 3)
        v = uniform_images(seed + 100, CHAINS, 8, 8, 3)
        tensors |= {f"{name}.{key}": t.clone() for key, t in net.state_dict().items()}
        single = pull_back(net, x0, v)
        double = pull_back(net.double(), x0.double(), v.double())
        tensors |= {f"{name}.x0": x0, f"{name}.v": v, f"{name}.x": double[0], f"{name}.pulled": double[1]}
        deviation = [((a - b).abs().max() / b.abs().max()).item() for a, b in zip(single, double)]
        change = ((double[1] - v).abs().max() / v.abs().max()).item()
        print(f"{name}: pulled differs from v by {change:.2f} of it, fp32 off by {deviation}")
        # The identity would be visibly wrong, and single precision is good enough to see it.
        assert change > 0.05 and max(deviation) < 2e-5
    write_safetensors("langevin", "pullback.safetensors", tensors)


def pull_back(net, x0, v):
    start = x0.clone().requires_grad_()
    x = start
    for _ in range(STEPS):
        (grad,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
        x = x + grad
    return x.detach(), torch.autograd.grad(x, start, v)[0]


if __name__ == "__main__":
    main()
