"""The transposed Jacobian of K = 20 steps of HMC, each of L = 5 leapfrog steps from momentum 0, without the Metropolis
test and with a diagonal mass, by autograd through the unrolled chain.

    cd tools/goldens && .venv/bin/python -m hmc.pullback
"""

import torch

from energy.nets import scaled, seeded, uniform_images
from files import write_safetensors
from langevin.pullback import ACTIVATIONS, CHAINS, GAIN, SmallNet

STEPS, LEAPFROG_STEPS, STEP_SIZE = 20, 5, 0.25
SIZE = 8 * 8 * 3


def main():
    # Exact in single precision.
    inverse_mass = 0.5 + torch.arange(SIZE) % 5 / 4
    tensors = {"inverse_mass": inverse_mass}
    for seed, (name, activation) in enumerate(ACTIVATIONS.items()):
        net = scaled(seeded(seed, lambda: SmallNet(activation)), GAIN)
        x0 = uniform_images(seed, CHAINS, 8, 8, 3)
        v = uniform_images(seed + 100, CHAINS, 8, 8, 3)
        tensors |= {f"{name}.{key}": t.clone() for key, t in net.state_dict().items()}
        single = pull_back(net, inverse_mass, x0, v)
        double = pull_back(net.double(), inverse_mass.double(), x0.double(), v.double())
        tensors |= {f"{name}.x0": x0, f"{name}.v": v, f"{name}.x": double[0], f"{name}.pulled": double[1]}
        deviation = [((a - b).abs().max() / b.abs().max()).item() for a, b in zip(single, double)]
        change = ((double[1] - v).abs().max() / v.abs().max()).item()
        print(f"{name}: pulled differs from v by {change:.2f} of it, fp32 off by {deviation}")
        # The identity would be visibly wrong, and single precision is good enough to see it.
        assert change > 0.05 and max(deviation) < 2e-5
    write_safetensors("hmc", "pullback.safetensors", tensors)


def pull_back(net, inverse_mass, x0, v):
    """Positions and momenta p = M dx/dt, as the textbooks have them."""
    start = x0.clone().requires_grad_()
    scale = inverse_mass.reshape(1, 8, 8, 3)
    x = start
    for _ in range(STEPS):
        p = torch.zeros_like(x)
        for _ in range(LEAPFROG_STEPS):
            p = p + STEP_SIZE / 2 * gradient(net, x)
            x = x + STEP_SIZE * scale * p
            p = p + STEP_SIZE / 2 * gradient(net, x)
    return x.detach(), torch.autograd.grad(x, start, v)[0]


def gradient(net, x):
    return torch.autograd.grad(net(x).sum(), x, create_graph=True)[0]


if __name__ == "__main__":
    main()
