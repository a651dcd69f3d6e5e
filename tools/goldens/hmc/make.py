"""Writes packages/hmc/test/goldens: trajectories, acceptances and adaptation as BlackJAX has them.

Needs: pip install blackjax==1.7.1 "jax[cpu]" numpy safetensors. Run from the repository root:
    python tools/goldens/hmc/make.py

The momenta are the library's own normals of chains 0 to 3 at step 0, read from packages/core/test/goldens, so that a
step of the kernel under that key follows the same trajectory. Everything is computed in fp64 from numbers exact in
fp32. The library whitens momenta: r = L^T p with L L^T the inverse mass.
"""

import json
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import blackjax
import jax.numpy as jnp
import numpy as np
from blackjax.adaptation.window_adaptation import build_schedule
from blackjax.mcmc import integrators, metrics
from blackjax.mcmc.hmc import hmc_proposal
from blackjax.optimizers.dual_averaging import dual_averaging
from safetensors.numpy import save_file

PACKAGES = Path(__file__).parents[3] / "packages"
OUT = PACKAGES / "hmc/test/goldens"
OUT.mkdir(parents=True, exist_ok=True)

DIMENSION = 3
DENSE = np.array([[1.5, 0.5, 0.25], [0.5, 1.0, -0.25], [0.25, -0.25, 0.75]])
MASSES = {"unit": np.ones(DIMENSION), "diagonal": np.array([0.5, 1.0, 2.0]), "dense": DENSE}


def log_density(x):
    """A crooked valley: -(x0^2 + 2 (x1 - x0^2)^2 + (x2 - x1)^2) / 2."""
    return -0.5 * (x[0] ** 2 + 2 * (x[1] - x[0] ** 2) ** 2 + (x[2] - x[1]) ** 2)


rows = json.loads((PACKAGES / "core/test/goldens/philox.json").read_text())["normals"]["rows"]
normals = {row["chain"]: row["values"][:DIMENSION] for row in rows if row["step"] == 0}
whitened = np.array([normals[chain] for chain in range(4)], np.float32).astype(np.float64)
start = np.array([[0.5, -0.25, 1.0], [-1.0, 1.5, 0.25], [0.0, 0.75, -0.5], [1.25, 0.5, 0.0]])


def follow(inverse_mass, step_size, steps):
    """All points of the four trajectories, and what the proposal says of their ends."""
    factor = np.linalg.cholesky(inverse_mass if inverse_mass.ndim == 2 else np.diag(inverse_mass))
    metric = metrics.default_metric(jnp.asarray(inverse_mass))
    step = jax.jit(integrators.velocity_verlet(log_density, metric.kinetic_energy))
    propose = hmc_proposal(
        integrators.velocity_verlet(log_density, metric.kinetic_energy), metric.kinetic_energy, step_size, steps
    )
    result = {"x": [], "momentum": [], "hamiltonian": [], "acceptance": [], "divergent": []}
    for x, r in zip(start, whitened):
        p = np.linalg.solve(factor.T, r)
        value, grad = jax.value_and_grad(log_density)(jnp.asarray(x))
        first = integrators.IntegratorState(jnp.asarray(x), jnp.asarray(p), value, grad)
        points = [first]
        for _ in range(steps):
            points.append(step(points[-1], step_size))
        _, info, _ = propose(jax.random.key(0), first)
        np.testing.assert_allclose(info.proposal.position, points[-1].position, rtol=1e-9)
        result["x"].append([point.position for point in points])
        result["momentum"].append([factor.T @ np.asarray(point.momentum) for point in points])
        result["hamiltonian"].append(float(metric.kinetic_energy(first.momentum) - first.logdensity))
        result["acceptance"].append(float(info.acceptance_rate))
        result["divergent"].append(float(info.is_divergent))
    return {key: np.array(values) for key, values in result.items()}


tensors = {"start": start, "momentum": whitened}
for name, inverse_mass in MASSES.items():
    tensors |= {f"{name}.{key}": values for key, values in follow(inverse_mass, 0.125, 12).items()}
# Steps so large that chains are accepted now and then, and one leaves for good.
tensors |= {f"coarse.{key}": values for key, values in follow(MASSES["unit"], 0.75, 3).items()}
for name in (*MASSES, "coarse"):
    print(name, tensors[f"{name}.acceptance"], tensors[f"{name}.divergent"])
rounded = {key: np.ascontiguousarray(values, np.float32) for key, values in tensors.items()}
save_file(rounded, OUT / "trajectories.safetensors")


def hoffman_gelman(first, target, acceptances, gamma=0.05, t0=10, kappa=0.75):
    """Algorithm 5 of Hoffman and Gelman 2014 as printed: the sizes and their averages, which BlackJAX lags by one."""
    mu, error, log_average = np.log(10 * first), 0.0, 0.0
    sizes, averages = [], []
    for m, acceptance in enumerate(acceptances, 1):
        error = (1 - 1 / (m + t0)) * error + (target - acceptance) / (m + t0)
        log_size = mu - np.sqrt(m) / gamma * error
        log_average = m**-kappa * log_size + (1 - m**-kappa) * log_average
        sizes.append(float(np.exp(log_size)))
        averages.append(float(np.exp(log_average)))
    return sizes, averages


acceptances = np.random.default_rng(7).uniform(0, 1, 40).round(3).tolist()
init, update, _ = dual_averaging()
state, sizes = init(0.3), []
for acceptance in acceptances:
    state = update(state, 0.8 - acceptance)
    sizes.append(float(jnp.exp(state.log_x)))
printed, averages = hoffman_gelman(0.3, 0.8, acceptances)
np.testing.assert_allclose(sizes, printed, rtol=1e-9)

schedules = {}
for steps in (10, 19, 20, 100, 149, 150, 300, 500, 1000, 2000):
    stages = [(int(slow), bool(ends)) for slow, ends in build_schedule(steps)]
    slow = [i for i, (stage, _) in enumerate(stages) if stage == 1]
    schedules[steps] = {
        "from": slow[0] if slow else steps,
        "ends": [i + 1 for i, (_, ends) in enumerate(stages) if ends],
    }
adaptation = {
    "dualAveraging": {"first": 0.3, "target": 0.8, "acceptances": acceptances, "sizes": sizes, "averages": averages},
    "windows": schedules,
}
(OUT / "adaptation.json").write_text(json.dumps(adaptation, indent=2) + "\n")
print("BlackJAX", blackjax.__version__)
