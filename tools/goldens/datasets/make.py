"""Makes the golden files of packages/datasets/test/goldens with numpy, scipy, Pillow and CPython's own pickle.

    pip install numpy==2.4.6 scipy==1.17.1 pillow==13.0.0
    python tools/goldens/datasets/make.py
"""

import base64
import gzip
import io
import json
import pickle
from pathlib import Path

import numpy as np
from numpy._core.multiarray import _reconstruct
from PIL import Image
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

GOLDENS = Path(__file__).parents[3] / "packages" / "datasets" / "test" / "goldens"


class Python2Pickler(pickle._Pickler):
    """Writes what Python 2's cPickle and its numpy wrote at protocol 2: byte strings, and numpy's old names."""

    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file):
        super().__init__(file, protocol=2)

    def save_string(self, value):
        raw = value.encode("latin1") if isinstance(value, str) else value
        if len(raw) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(raw)]) + raw)
        else:
            self.write(pickle.BINSTRING + len(raw).to_bytes(4, "little") + raw)
        self.memoize(value)

    dispatch[str] = save_string
    dispatch[bytes] = save_string

    def reducer_override(self, value):
        if isinstance(value, np.dtype):
            _, _, state = value.__reduce__()
            return np.dtype, (value.str[1:], 0, 1), state
        return NotImplemented

    def save_global(self, value, name=None):
        if value is _reconstruct:
            self.write(b"cnumpy.core.multiarray\n_reconstruct\n")
            self.memoize(value)
        else:
            super().save_global(value, name)


def python2(value):
    file = io.BytesIO()
    Python2Pickler(file).dump(value)
    return file.getvalue()


def text(raw):
    return base64.b64encode(raw).decode()


def pickles():
    data = np.arange(12, dtype=np.uint8).reshape(3, 4)
    batch = {"batch_label": "testing batch 1 of 1", "labels": [6, 9, 300, 70000, -1], "data": data, "filenames": ["é.png"]}
    assert pickle.loads(python2(batch), encoding="latin1")["labels"] == batch["labels"]
    written = {
        "python 2, protocol 2": python2(batch),
        "python 2, protocol 2, Fortran order": python2({**batch, "data": np.asfortranarray(data)}),
        **{f"python 3, protocol {p}": pickle.dumps(batch, protocol=p) for p in (2, 3, 4)},
        "other values": pickle.dumps([True, False, None, 0.5, (), (1,), (1, 2, 3, 4), np.float32([1.5, -2])], protocol=2),
        "calls os.system": b"cposix\nsystem\nU\x04true\x85R.",
    }
    return {name: text(raw) for name, raw in written.items()}


def cifar10_batch():
    """A whole batch of the python version without its 30 MB of pixels, which a test puts between head and tail."""
    pixels = np.zeros((10000, 3072), np.uint8)
    batch = {
        "batch_label": "training batch 1 of 5",
        "labels": [i % 10 for i in range(10000)],
        "data": pixels,
        "filenames": [f"{i}.png" for i in range(10000)],
    }
    raw = python2(batch)
    zeros = raw.index(bytes(pixels.size))
    for name, part in [("head", raw[:zeros]), ("tail", raw[zeros + pixels.size :])]:
        (GOLDENS / f"cifar10-python-batch.{name}.gz").write_bytes(gzip.compress(part, mtime=0))


def npy():
    def saved(array, version=None):
        file = io.BytesIO()
        np.lib.format.write_array(file, array, version=version)
        return text(file.getvalue())

    points = np.float32([[1.5, -2], [3, 1e-3], [0, 7]])
    images = np.arange(4 * 2 * 3 * 3, dtype=np.uint8).reshape(4, 2, 3, 3)
    bad = points.copy()
    bad[1, 1] = np.nan
    return {
        "float32": saved(points),
        "float32, format 2": saved(points, (2, 0)),
        "uint8": saved(images),
        "float64": saved(points.astype(np.float64)),
        "Fortran order": saved(np.asfortranarray(points)),
        "NaN": saved(bad),
        "one axis": saved(points[0]),
    }


def moons():
    def log_density(noise, x, y):
        centres = [(lambda t: (np.cos(t), np.sin(t))), (lambda t: (1 - np.cos(t), 0.5 - np.sin(t)))]
        logs = []
        for centre in centres:
            def exponent(t):
                cx, cy = centre(t)
                return -((x - cx) ** 2 + (y - cy) ** 2) / (2 * noise**2)

            fine = np.linspace(0, np.pi, 2001)
            most = exponent(fine).max()
            peak = fine[exponent(fine).argmax()]
            integral, _ = quad(lambda t: np.exp(exponent(t) - most), 0, np.pi, points=[peak], epsabs=0, epsrel=1e-12, limit=1000)
            logs.append(np.log(integral / (2 * np.pi)) + most - np.log(2 * np.pi * noise**2))
        return float(logsumexp(logs))

    points = np.float64([[0, 1], [0.5, 0.25], [1, -0.5], [-1, 0], [-1.1, -0.2], [2.05, 0.6], [0.3, 0.7], [2.5, -1.5], [0, 0]])
    return {
        name: {"noise": noise, "points": points.ravel().tolist(), "logDensity": [log_density(noise, *p) for p in points]}
        for name, noise in [("wide", 0.1), ("narrow", 0.02)]
    }


def mixtures():
    line = [(-2, 0.3, 0.3), (0, 0.5, 0.5), (2, 0.2, 0.2)]
    plane = [((-1.5, -1.5), 0.5, 0.3), ((1.5, -1.5), 0.3, 0.2), ((-1.5, 1.5), 0.3, 0.2), ((1.5, 1.5), 0.4, 0.3)]
    ring = [((2 * np.cos(a), 2 * np.sin(a)), 0.15, 1 / 8) for a in 2 * np.pi * np.arange(8) / 8]
    x = np.linspace(-6, 6, 41)
    grid = np.stack(np.meshgrid(np.linspace(-3, 3, 9), np.linspace(-3, 3, 7)), -1).reshape(-1, 2)
    log_line = logsumexp([np.log(w) + norm(m, s).logpdf(x) for m, s, w in line], axis=0)

    def log_plane(modes):
        return logsumexp([np.log(w) + multivariate_normal(m, s * s * np.eye(2)).logpdf(grid) for m, s, w in modes], axis=0)

    return {
        "mixture1d": {"points": x.tolist(), "logDensity": log_line.tolist()},
        "mixture2d": {"points": grid.ravel().tolist(), "logDensity": log_plane(plane).tolist()},
        "gaussianRing": {"points": grid.ravel().tolist(), "logDensity": log_plane(ring).tolist()},
    }


def celeba64():
    """A smooth 178x218 picture, cut as DCGAN's preprocessing does, by Pillow: centre 108x108, Lanczos to 64x64."""
    y, x = np.mgrid[0:218, 0:178]
    channels = [127.5 + 120 * np.sin(x / 7 + c) * np.cos(y / (9 + c)) for c in range(3)]
    picture = Image.fromarray(np.floor(np.stack(channels, -1)).astype(np.uint8))
    left, top = (178 - 108) // 2, (218 - 108) // 2
    cut = picture.crop((left, top, left + 108, top + 108)).resize((64, 64), Image.Resampling.LANCZOS)
    return text(np.asarray(cut).tobytes())


GOLDENS.mkdir(parents=True, exist_ok=True)
for name, make in [("pickles", pickles), ("npy", npy), ("mixtures", mixtures), ("moons", moons), ("celeba64", celeba64)]:
    (GOLDENS / f"{name}.json").write_text(json.dumps(make(), indent=1) + "\n")
cifar10_batch()
