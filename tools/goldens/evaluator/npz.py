"""Images as guided-diffusion and others keep them, written by numpy: bytes.npz deflated, brighter.npz stored and 10 grey
levels brighter, grey.npz [n, height, width] with labels, in apps/evaluator/test/goldens. Run with numpy 2: python npz.py
"""

import pathlib

import numpy as np

OUT = pathlib.Path(__file__).parents[3] / "apps" / "evaluator" / "test" / "goldens"

images = np.random.default_rng(1).integers(0, 200, size=(40, 8, 8, 3), dtype=np.uint8)
np.savez_compressed(OUT / "bytes.npz", arr_0=images)
np.savez(OUT / "brighter.npz", images=images + np.uint8(10))
np.savez_compressed(OUT / "grey.npz", images=images[..., 0], labels=np.arange(40, dtype=np.uint8))
