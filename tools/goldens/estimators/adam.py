"""torch.optim.Adam alone: ten steps on a vector, the learning rate annealed on the way."""

import numpy as np
import torch

from files import write_safetensors

RATES = [1e-1] * 3 + [1e-2] * 4 + [1e-3] * 3
BETAS = (0.9, 0.999)
EPSILON = 1e-8
# Of each element's gradients: from huge to below epsilon, where epsilon's place in the formula shows.
SCALES = [1e3, 1.0, 1e-2, 1e-4, 1e-6, 1e-8, 1e-9, 0.0]


def numpy_adam(start, gradients, rates):
    """Kingma and Ba's Algorithm 1, epsilon added to the root of the corrected second moment."""
    parameters, m, v = start.astype(np.float64), np.zeros(len(start)), np.zeros(len(start))
    record = {"parameters": [], "m": [], "v": []}
    for t, (g, rate) in enumerate(zip(gradients, rates), start=1):
        m = BETAS[0] * m + (1 - BETAS[0]) * g
        v = BETAS[1] * v + (1 - BETAS[1]) * g**2
        corrected = np.sqrt(v / (1 - BETAS[1] ** t)) + EPSILON
        parameters = parameters - rate * (m / (1 - BETAS[0] ** t)) / corrected
        for key, value in (("parameters", parameters), ("m", m), ("v", v)):
            record[key].append(value)
    return {key: np.stack(values) for key, values in record.items()}


def main():
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(len(SCALES), generator=generator)
    gradients = torch.randn(len(RATES), len(SCALES), generator=generator) * torch.tensor(SCALES)

    parameter = start.double().requires_grad_()
    optimizer = torch.optim.Adam([parameter], lr=RATES[0], betas=BETAS, eps=EPSILON)
    record = {"parameters": [], "m": [], "v": []}
    for rate, gradient in zip(RATES, gradients.double()):
        optimizer.param_groups[0]["lr"] = rate
        parameter.grad = gradient
        optimizer.step()
        state = optimizer.state[parameter]
        record["parameters"].append(parameter.detach().clone())
        record["m"].append(state["exp_avg"].clone())
        record["v"].append(state["exp_avg_sq"].clone())
    stacked = {key: torch.stack(values) for key, values in record.items()}

    by_hand = numpy_adam(start.numpy(), gradients.double().numpy(), RATES)
    for key in stacked:
        assert np.allclose(stacked[key], by_hand[key], rtol=1e-12, atol=0), key
    write_safetensors(
        "estimators",
        "adam.safetensors",
        {"start": start, "rates": torch.tensor(RATES), "gradients": gradients, **stacked},
    )


if __name__ == "__main__":
    main()
