"""K = 100 Langevin steps of the paper's program, x <- x + f'(x) + 0.01 z, with the noise off and on."""

import numpy as np
import torch

from energy.nets import (
    PaperNet,
    assert_finite_differences,
    away_from_kinks,
    scaled,
    seeded,
    uniform_images,
    value_and_grads,
)
from files import write_safetensors
from langevin.philox import KEY, assert_known_answers, normals

STEPS = 100
NOISE = 0.01
CHAINS = 2
# Weights 1.8 times PyTorch's default: the chains travel a visible way, and fp32 stays with fp64.
GAIN = 1.8
SNAPSHOTS = {"noiseless": [1, 10, 50, 100], "noisy": [1, 100]}


def main():
    assert_known_answers()
    net, x0 = away_from_kinks(
        lambda seed: (
            scaled(seeded(seed, lambda: PaperNet(32, 2)), GAIN),
            uniform_images(seed, CHAINS, 32, 32, 3),
        )
    )
    tensors = {**{key: t.clone() for key, t in net.state_dict().items()}, "x0": x0}

    single = {noisy: run(net, x0, noisy) for noisy in (False, True)}
    net.double()
    value, grad_x, grads = value_and_grads(net, x0.double())
    assert_finite_differences(net, x0.double(), grad_x, grads)

    for name, noisy in (("noiseless", False), ("noisy", True)):
        double = run(net, x0.double(), noisy)
        deviation = [(single[noisy]["x"][k] - double["x"][k]).abs().max().item() for k in SNAPSHOTS[name]]
        check(name, x0, double, deviation)
        for k in SNAPSHOTS[name]:
            tensors[f"{name}.x.{k}"] = double["x"][k]
        tensors[f"{name}.value"] = double["value"]
        tensors[f"{name}.gradientNorm"] = double["gradientNorm"]
        tensors[f"{name}.fp32Deviation"] = torch.tensor(deviation)
    tensors["noiseless.fp32.x.100"] = single[False]["x"][STEPS]
    write_safetensors("langevin", "short-run-32.safetensors", tensors)


def run(net, x, noisy):
    """Positions after each step, and the means over chains of f and ||f'||, both taken before the step."""
    size = x[0].numel()
    positions, values, norms = [x], [], []
    for step in range(STEPS):
        value, grad, _ = value_and_grads(net, x)
        x = x + grad
        if noisy:
            rows = np.stack([normals(KEY, chain, step, size) for chain in range(len(x))])
            # The library hands out its normals in fp32.
            x = x + NOISE * torch.from_numpy(rows.astype(np.float32)).view(x.shape).to(x.dtype)
        positions.append(x)
        values.append(value.mean())
        norms.append(grad.flatten(1).norm(dim=1).mean())
    return {"x": positions, "value": torch.stack(values), "gradientNorm": torch.stack(norms)}


def check(name, x0, double, deviation):
    travelled = (double["x"][STEPS] - x0).flatten(1).norm(dim=1).min().item()
    print(
        f"{name}: travelled {travelled:.3f}, mean |f'| {double['gradientNorm'].mean():.4f}, "
        f"f {double['value'][0]:.4f} -> {double['value'][-1]:.4f}, fp32 off by {deviation}"
    )
    assert travelled > 5
    assert double["value"][-1] > double["value"][0]
    assert max(deviation) < 1e-4


if __name__ == "__main__":
    main()
