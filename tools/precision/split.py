"""How near f and f' come to double precision when single precision is made of products of bfloat16 parts.

    python tools/precision/split.py 32@32 64@32 128@32 16@64 8@128 checkpoint.safetensors ...

A number is the sum of two parts, hi = bf16(a) and lo = bf16(a - hi), or of three. Three products of two parts are hi hi +
hi lo + lo hi, the fourth is lo lo; six products of three parts leave out what is below 2^-16. Weights, activations and the
gradients between layers are stored as parts; sums are taken in double precision and rounded once, so that what is shown
is the least error that such an engine can have. The paper's nets (Nijkamp et al. 2019, 7.4), n@side with random weights or
a trainer's checkpoint of 32 px with learned ones, stand at the ends of short runs. Prints Markdown. Needs torch and
safetensors.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.nn.functional import conv2d, conv_transpose2d

LEAK, IMAGES, STEPS = 0.2, 8, 20
LAYERS_DOWN = {32: [2, 4, 8], 64: [2, 4, 8, 8], 128: [2, 4, 8, 8, 8]}
DOUBLE = torch.float64

ACTIVATIONS = {
    "leaky": (lambda v: torch.where(v > 0, v, LEAK * v), lambda v: torch.where(v > 0, 1.0, LEAK).to(v.dtype)),
    "swish": (
        lambda v: v * torch.sigmoid(v),
        lambda v: torch.sigmoid(v) * (1 + v * (1 - torch.sigmoid(v))),
    ),
}


class Plain:
    """Products and sums of one floating-point type."""

    def __init__(self, dtype):
        self.dtype = dtype

    def product(self, multiply, x, w):
        return multiply(x, w)


class Split:
    """Products of parts of bfloat16: the part i of one factor meets the first `partners[i]` of the other."""

    dtype = torch.float32

    def __init__(self, partners):
        self.partners = partners

    def product(self, multiply, x, w):
        left, right = self.split(x), self.split(w)
        total = 0
        for part, partners in zip(left, self.partners):
            total = total + multiply(part, sum(right[:partners]))
        return total.to(self.dtype)

    def split(self, x):
        parts, rest = [], x.to(torch.float32)
        for _ in self.partners:
            part = rest.to(torch.bfloat16).to(torch.float32)
            parts.append(part.to(DOUBLE))
            rest = rest - part
        return parts


def geometry(net):
    """Stride and padding of each layer."""
    return [(1, 1)] + [(2, 1)] * (len(net) - 2) + [(1, 0)]


def evaluate(net, x, activation, engine, masks=None):
    """f [m], f' [m, 3, side, side] and the activations' derivatives; `masks` are used in their stead where given."""
    act, slope = ACTIVATIONS[activation]
    h, sums, sizes = x.to(engine.dtype), [], []
    for (w, b), (stride, pad) in zip(net, geometry(net)):
        sizes.append(h.shape)
        h = engine.product(lambda a, c: conv2d(a, c, stride=stride, padding=pad), h, w.to(engine.dtype))
        h = h + b.to(engine.dtype).view(1, -1, 1, 1)
        sums.append(h)
        if len(sums) < len(net):
            h = act(h)
    slopes = [slope(v) for v in sums[:-1]]
    dy = torch.ones_like(sums[-1])
    for l in range(len(net) - 1, -1, -1):
        stride, pad = geometry(net)[l]
        dy = engine.product(
            lambda a, c: conv_transpose2d(a, c, stride=stride, padding=pad), dy, net[l][0].to(engine.dtype)
        )
        if l > 0:
            dy = dy * (slopes[l - 1] if masks is None else masks[l - 1].to(engine.dtype))
    return sums[-1].flatten(), dy, slopes


def random_net(n, side):
    """PyTorch's own initial weights."""
    torch.manual_seed(n)
    channels = [3, n, *(factor * n for factor in LAYERS_DOWN[side]), 1]
    layers = [torch.nn.Conv2d(a, b, 3 if i == 0 else 4) for i, (a, b) in enumerate(zip(channels, channels[1:]))]
    return [(layer.weight.detach(), layer.bias.detach()) for layer in layers]


def learned_net(path):
    state = load_file(path)
    return [(state[f"f.{2 * i}.weight"], state[f"f.{2 * i}.bias"]) for i in range(5)]


def short_run(net, side, activation):
    """Images after STEPS steps from noise."""
    torch.manual_seed(7)
    x = torch.rand(IMAGES, 3, side, side) * 2 - 1
    for _ in range(STEPS):
        _, gradient, _ = evaluate(net, x, activation, Plain(torch.float32))
        x = x + gradient + 0.01 * torch.randn(x.shape)
    return x


def errors(net, x, activation, engine):
    """Relative errors of f' of the worst and the median image, how many of an image's derivatives are of the other branch,
    the worst error where double precision decides on the branches, and that of f."""
    truth, gradient, slopes = evaluate(net, x, activation, Plain(DOUBLE))
    value, mine, own = evaluate(net, x, activation, engine)
    off = relative(mine, gradient)
    flips = sum(((a - b).abs() > LEAK / 2).flatten(1).sum(dim=1) for a, b in zip(slopes, own))
    rounding = off
    if activation == "leaky":
        rounding = relative(evaluate(net, x, activation, engine, slopes)[1], gradient)
    return off.max(), off.median(), flips.to(DOUBLE).mean(), rounding.max(), ((value - truth) / truth).abs().max()


def relative(gradient, truth):
    return (gradient - truth).flatten(1).norm(dim=1) / truth.flatten(1).norm(dim=1)


def main():
    nets = []
    for word in sys.argv[1:]:
        if "@" in word:
            n, side = map(int, word.split("@"))
            nets += [(f"{n}@{side}, random", random_net(n, side), side, a) for a in ACTIVATIONS]
        else:
            net = learned_net(word)
            iterations = int(Path(word).stem.split("-")[-1])
            nets.append((f"{len(net[0][1])}@32, {iterations} iterations", net, 32, "leaky"))
    engines = {
        "float32": Plain(torch.float32),
        "2 parts, 3 products": Split([2, 1]),
        "2 parts, 4 products": Split([2, 2]),
        "3 parts, 6 products": Split([3, 2, 1]),
    }
    heads = ["net, weights", "activation", "products", "f', worst image", "f', median", "flips an image"]
    print("| " + " | ".join([*heads, "f', no flips, worst", "f, worst"]) + " |")
    print("| --- " * 8 + "|")
    for name, net, side, activation in nets:
        x = short_run(net, side, activation)
        for engine_name, engine in engines.items():
            figures = map(float, errors(net, x, activation, engine))
            cells = [f"{v:.2f}" if i == 2 else f"{v:.1e}" for i, v in enumerate(figures)]
            print("| " + " | ".join([name, activation, engine_name, *cells]) + " |", flush=True)


if __name__ == "__main__":
    main()
