"""How far f' in bfloat16 is off, by which of its convolutions are made by minimal filtering.

    python tools/precision/backward.py 32@32 checkpoint.safetensors ...

For docs/decisions/010. Weights, activations and the gradients between layers are rounded, and of minimal filtering what
it multiplies: differences of neighbours, and sums of weights that were not rounded before. Sums are taken in double
precision. Nets are those of split.py, at the ends of short runs: with random weights, or learned ones. Prints
Markdown. Needs torch and safetensors.
"""

import sys

import torch
from split import ACTIVATIONS, learned_net, random_net, relative, short_run
from torch.nn.functional import conv2d, conv_transpose2d, pad

WAYS = [((), ()), ((), (3,)), ((), (2, 3)), ((3,), (2, 3)), ((2, 3), (2, 3))]
NAMES = {(): "direct", (3,): "3 products for 4", (2, 3): "9 products for 16"}


def rounded(x):
    return x.float().bfloat16().double()


def minimal(x, w, axes):
    """A convolution of two taps along each of `axes`, as F(2, 2); direct without axes."""
    if not axes:
        return conv2d(x, rounded(w))
    axis, *others = axes
    at = lambda start: x.index_select(axis, torch.arange(start, start + x.shape[axis] - 2, 2))
    first, second = w.unbind(axis)
    parts = [(at(0) - at(1), first), (at(1), first + second), (at(2) - at(1), second)]
    # Along the other axis they are filtered alike, each by a filter of one tap along this one.
    multiply = (lambda p, f: minimal(p, f, others)) if others else (lambda p, f: conv2d(rounded(p), rounded(f)))
    products = [multiply(p, f.unsqueeze(axis)) for p, f in parts]
    return torch.stack([products[0] + products[1], products[1] + products[2]], axis + 1).flatten(axis, axis + 1)


def forward(x, w, axes):
    """4 x 4 taps of stride 2: four phases of the picture, by 2 x 2 taps each."""
    x = pad(x, (1, 1, 1, 1))
    return sum(minimal(x[:, :, i::2, j::2], w[:, :, i::2, j::2], axes) for i in range(2) for j in range(2))


def backward(g, w, axes):
    """The gradient in what forward() reads: four phases of it."""
    height, width = g.shape[2] + 1, g.shape[3] + 1
    g = pad(g, (1, 1, 1, 1))
    result = torch.zeros(len(g), w.shape[1], 2 * (height - 1), 2 * (width - 1), dtype=g.dtype)
    for i in range(2):
        for j in range(2):
            taps = w[:, :, [3 - i, 1 - i]][:, :, :, [3 - j, 1 - j]].transpose(0, 1)
            result[:, :, i::2, j::2] = minimal(g[:, :, i : i + height, j : j + width], taps, axes)
    return result


def gradient(net, x, activation, down=(), up=(), rounds=True):
    """f' [m, 3, side, side], with the forward pass filtered along the axes `down`, the backward pass along `up`."""
    act, slope = ACTIVATIONS[activation]
    near = rounded if rounds else lambda v: v
    weights, biases = [w.double() for w, _ in net], [b.double().view(1, -1, 1, 1) for _, b in net]
    h, slopes = near(x.double()), []
    for l, (w, b) in enumerate(zip(weights[:-1], biases)):
        if l == 0 or not rounds:
            h = conv2d(h, near(w), stride=1 if l == 0 else 2, padding=1) + b
        else:
            h = forward(h, w, down) + b
        slopes.append(slope(h))
        h = near(act(h))
    g = near(near(weights[-1]).expand_as(h) * near(slopes[-1]))
    for l in range(len(weights) - 2, 0, -1):
        g = backward(g, weights[l], up) if rounds else conv_transpose2d(g, weights[l], stride=2, padding=1)
        g = near(g * near(slopes[l - 1]))
    return conv_transpose2d(g, near(weights[0]), padding=1)


def main():
    print("| weights | activation | forward | backward | f', mean | f', worst image |")
    print("| --- | --- | --- | --- | --- | --- |")
    for word in sys.argv[1:]:
        n, _, side = word.partition("@")
        net = random_net(int(n), int(side)) if side else learned_net(word)
        for activation in ACTIVATIONS if side else ["leaky"]:
            x = short_run(net, int(side or 32), activation)
            truth = gradient(net, x, activation, rounds=False)
            for down, up in WAYS:
                off = relative(gradient(net, x, activation, down, up), truth)
                name = "random" if side else "learned"
                print(f"| {name} | {activation} | {NAMES[down]} | {NAMES[up]} | {off.mean():.2%} | {off.max():.2%} |")


if __name__ == "__main__":
    main()
