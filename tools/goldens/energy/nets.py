"""The networks of Nijkamp et al. 2019 (7.4) as the paper's program writes them, and a plain NumPy twin."""

from itertools import count

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

LEAK = 0.2
# No pre-activation may be nearer 0: rounding, or a finite difference, could then take the other branch.
KINK_MARGIN = 5e-6
LAYERS_DOWN = {32: [2, 4, 8], 64: [2, 4, 8, 8], 128: [2, 4, 8, 8, 8]}


class PaperNet(nn.Module):
    """f(x) for NCHW images of one size; state dict keys f.0.weight, f.0.bias, f.2.weight, ..."""

    def __init__(self, size, n, activation=lambda: nn.LeakyReLU(LEAK)):
        super().__init__()
        layers = [nn.Conv2d(3, n, 3, 1, 1), activation()]
        channels = n
        for factor in LAYERS_DOWN[size]:
            layers += [nn.Conv2d(channels, factor * n, 4, 2, 1), activation()]
            channels = factor * n
        self.f = nn.Sequential(*layers, nn.Conv2d(channels, 1, 4, 1, 0))

    def forward(self, x):
        return self.f(x).squeeze()


def nchw(x):
    return x.permute(0, 3, 1, 2)


def value_and_grads(net, x_nhwc):
    """f(x) [m], its gradient in x (NHWC), and the parameter gradients of mean f(x), all in the type of x."""
    x = x_nhwc.clone().requires_grad_()
    value = net(nchw(x) if x.dim() == 4 else x).reshape(-1)
    (grad_x,) = torch.autograd.grad(value.sum(), x, retain_graph=True)
    grads = torch.autograd.grad(value.mean(), list(net.parameters()))
    names = [name for name, _ in net.named_parameters()]
    return value.detach(), grad_x, dict(zip(names, grads))


def kink_margin(net, x_nhwc):
    """The smallest |pre-activation| of the net on these images."""
    h, margin = nchw(x_nhwc), np.inf
    with torch.no_grad():
        for layer in net.f:
            if not isinstance(layer, nn.Conv2d):
                margin = min(margin, h.abs().min().item())
            h = layer(h)
    return margin


def away_from_kinks(case):
    """The first `case(seed)`, a net and its images, that keeps KINK_MARGIN."""
    return next(pair for pair in map(case, count()) if kink_margin(*pair) > KINK_MARGIN)


def numpy_value(state, x_nhwc):
    """f(x) of the LeakyReLU net from its OIHW weights, written out without PyTorch."""
    h = np.asarray(x_nhwc, np.float64)
    weights = [key for key in state if key.endswith("weight")]
    for i, key in enumerate(weights):
        w = np.asarray(state[key], np.float64)
        kernel = w.shape[2]
        last = i == len(weights) - 1
        stride, pad = (1, 0) if last else (1, 1) if kernel == 3 else (2, 1)
        h = np.pad(h, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        patches = sliding_window_view(h, (kernel, kernel), axis=(1, 2))[:, ::stride, ::stride]
        h = np.einsum("nyxiab,oiab->nyxo", patches, w, optimize=True) + np.asarray(state[key[:-6] + "bias"])
        if not last:
            h = np.where(h > 0, h, LEAK * h)
    return h.reshape(-1)


def assert_finite_differences(net, x, grad_x, grads, step=1e-6):
    """Central differences in fp64 at the steepest coordinate of x and of every parameter."""

    def slope(tensor, index, total):
        with torch.no_grad():
            flat = tensor.view(-1)
            kept = flat[index].item()
            flat[index] = kept + step
            above = total().item()
            flat[index] = kept - step
            below = total().item()
            flat[index] = kept
        return (above - below) / (2 * step)

    def check(name, tensor, grad, total):
        index = grad.abs().argmax().item()
        expected, got = slope(tensor, index, total), grad.reshape(-1)[index].item()
        assert abs(expected - got) < 1e-5 * abs(got) + 1e-9, f"{name}: {got} against {expected}"

    x = x.clone().contiguous()
    evaluate = lambda: net(nchw(x) if x.dim() == 4 else x)
    check("x", x, grad_x.contiguous(), lambda: evaluate().sum())
    for name, parameter in net.named_parameters():
        check(name, parameter, grads[name].contiguous(), lambda: evaluate().mean())


def uniform_images(seed, *shape):
    """Uniform on [-1, 1), exact in fp32."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def seeded(seed, build):
    """A net with PyTorch's default initialisation from this seed."""
    torch.manual_seed(seed)
    return build()


def scaled(net, gain):
    """Every weight times `gain`: the default initialisation has gradients too small to move a chain."""
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.endswith("weight"):
                parameter.mul_(gain)
    return net
