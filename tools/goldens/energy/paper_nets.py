"""The paper's nets for 32, 64 and 128 px: weights, images, values and gradients, and a PyTorch checkpoint."""

import numpy as np
import torch

from energy.nets import (
    PaperNet,
    assert_finite_differences,
    away_from_kinks,
    numpy_value,
    seeded,
    uniform_images,
    value_and_grads,
)
from files import golden_path, write_safetensors

# Image size, n, and the number of images, kept small for the sake of the files.
CASES = [(32, 4, 2), (64, 2, 1), (128, 2, 1)]


def main():
    for size, n, images in CASES:
        net, x = away_from_kinks(
            lambda seed: (
                seeded(seed, lambda: PaperNet(size, n)),
                uniform_images(seed, images, size, size, 3),
            )
        )
        state = {key: tensor.clone() for key, tensor in net.state_dict().items()}
        reference = net.double()
        value, grad_x, grads = value_and_grads(reference, x.double())
        assert_finite_differences(reference, x.double(), grad_x, grads)
        assert np.allclose(numpy_value(state, x), value, rtol=0, atol=1e-12)
        write_safetensors(
            "energy",
            f"paper-{size}.safetensors",
            {
                **state,
                "x": x,
                "value": value,
                "grad.x": grad_x,
                **{f"grad.{name}": grad for name, grad in grads.items()},
            },
        )
        if size == 32:
            torch.save(state, golden_path("energy", "paper-32.pth"))
            restored = torch.load(golden_path("energy", "paper-32.pth"), weights_only=True)
            assert list(restored) == list(state) and all(torch.equal(restored[k], state[k]) for k in state)


if __name__ == "__main__":
    main()
