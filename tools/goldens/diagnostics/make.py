"""Writes packages/diagnostics/test/goldens: chains, and what ArviZ and SciPy make of them.

Needs: pip install arviz==0.23.4 numpy scipy safetensors. Run from the repository root:
    python tools/goldens/diagnostics/make.py
"""

import json
from pathlib import Path

import arviz as az
import numpy as np
from safetensors.numpy import save_file
from scipy import stats

OUT = Path(__file__).parents[3] / "packages/diagnostics/test/goldens"
OUT.mkdir(parents=True, exist_ok=True)
RNG = np.random.default_rng(20260)


def autoregressive(coefficient, chains, draws):
    """AR(1) chains of unit stationary variance, begun in equilibrium."""
    noise = RNG.standard_normal((chains, draws)) * np.sqrt(1 - coefficient**2)
    x = np.empty((chains, draws))
    x[:, 0] = RNG.standard_normal(chains)
    for t in range(1, draws):
        x[:, t] = coefficient * x[:, t - 1] + noise[:, t]
    return x


def rejecting(chains, draws):
    """Draws that repeat, as a Metropolis test makes them, so that ranks are tied."""
    fresh = autoregressive(0.3, chains, draws)
    moved = RNG.random((chains, draws)) < 0.6
    for t in range(1, draws):
        fresh[:, t] = np.where(moved[:, t], fresh[:, t], fresh[:, t - 1])
    return fresh


def rhat_of_halves(halves):
    """ArviZ's rank-normalised R-hat for chains that are split already; it refuses a single chain itself."""

    def scores(x):
        return stats.norm.ppf((stats.rankdata(x).reshape(x.shape) - 3 / 8) / (x.size + 1 / 4))

    folded = np.abs(halves - np.median(halves))
    return max(az.rhat(scores(halves), method="identity"), az.rhat(scores(folded), method="identity"))


cases = {
    "independent": RNG.standard_normal((4, 250)),
    "sticky": autoregressive(0.95, 4, 250),
    "antithetic": autoregressive(-0.7, 4, 250),
    "odd": autoregressive(0.5, 3, 151),
    "one chain": autoregressive(0.6, 1, 300),
    "short": autoregressive(0.2, 2, 4),
    "heavy tails": stats.cauchy.rvs(size=(4, 250), random_state=RNG),
    "shifted": autoregressive(0.4, 4, 250) + np.array([[0], [0], [0], [1]]),
    "scaled": autoregressive(0.4, 4, 250) * np.array([[1], [1], [1], [3]]),
    "trending": autoregressive(0.4, 4, 250) + np.linspace(0, 2, 250),
    "ties": rejecting(4, 250),
    "counts": RNG.poisson(1.5, (4, 250)).astype(float),
    "large": 1e4 + autoregressive(0.9, 4, 250),
}

chains, expected = {}, {}
for name, draws in cases.items():
    # What the test reads is fp32, and ArviZ is to see the same numbers.
    draws = draws.astype(np.float32)
    chains[name] = draws
    x = draws.astype(np.float64)
    expected[name] = {
        "rHat": az.rhat(x, method="rank") if len(x) > 1 else rhat_of_halves(x.reshape(2, -1)),
        "bulkEss": az.ess(x, method="bulk"),
        "tailEss": az.ess(x, method="tail"),
        "mcseMean": az.mcse(x, method="mean"),
        "mcseSd": az.mcse(x, method="sd"),
        "mcseQuantile": {p: az.mcse(x, method="quantile", prob=p) for p in (0.05, 0.5, 0.9)},
        "mean": x.mean(),
        "sd": x.std(ddof=1),
    }

energies = np.cumsum(RNG.standard_normal((3, 200)), axis=1).astype(np.float32)
chains["energies"] = energies
probabilities = [1e-300, 1e-20, 1e-6, 0.01, 0.075, 0.3, 0.5, 0.6, 0.925, 0.999, 1 - 1e-12]
shapes = [(1, 1), (0.5, 3), (2, 2), (13.7, 250.2), (800.5, 44.1), (5e4, 4e5)]
result = {
    "chains": expected,
    "bfmi": az.bfmi(energies.astype(np.float64)).tolist(),
    "normalQuantile": [[p, stats.norm.ppf(p)] for p in probabilities],
    "betaQuantile": [[p, a, b, stats.beta.ppf(p, a, b)] for a, b in shapes for p in (0.1586553, 0.5, 0.8413447)],
}
save_file(chains, OUT / "chains.safetensors")
plain = json.dumps(result, default=float, indent=2)
(OUT / "arviz.json").write_text(plain + "\n")
print(f"{len(cases)} cases, ArviZ {az.__version__}")
