"""Reference values for the statistics of @srmcmc/metrics, by the programs that the field uses.

Fréchet distances by scipy's sqrtm as pytorch-fid has it, and by mpmath to 60 digits, where sqrtm has trouble; KID, the
Inception Score, precision and recall by torch-fidelity; precision, recall, density and coverage by prdc; PSNR and SSIM
by scikit-image; densities by scipy.stats.gaussian_kde; spectra by numpy.

Writes *.npz and statistics.json to packages/metrics/test/goldens.
Run with the packages of requirements.txt: python make.py
"""

import json
import pathlib

import mpmath
import numpy as np
import prdc
import scipy.linalg
import scipy.stats
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

OUT = pathlib.Path(__file__).parents[3] / "packages" / "metrics" / "test" / "goldens"


def pytorch_fid(mu1, sigma1, mu2, sigma2, eps=1e-6):
    """calculate_frechet_distance of pytorch-fid 0.3.0; None where it breaks down."""
    diff = mu1 - mu2
    try:
        covmean = scipy.linalg.sqrtm(sigma1.dot(sigma2))
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(covmean).all():
        offset = np.eye(sigma1.shape[0]) * eps
        covmean = scipy.linalg.sqrtm((sigma1 + offset).dot(sigma2 + offset))
    if np.iscomplexobj(covmean):
        covmean = covmean.real
    return float(diff.dot(diff) + np.trace(sigma1) + np.trace(sigma2) - 2 * np.trace(covmean))


def exact_moments(x):
    x = mpmath.matrix(x.tolist())
    mean = mpmath.matrix([sum(x[:, j]) / x.rows for j in range(x.cols)])
    centred = mpmath.matrix(x.rows, x.cols)
    for i in range(x.rows):
        for j in range(x.cols):
            centred[i, j] = x[i, j] - mean[j]
    return mean, centred.T * centred / (x.rows - 1)


def exact_frechet(x, y):
    """By the roots of the eigenvalues of sigma1^1/2 sigma2 sigma1^1/2, from the samples, in 60 digits."""
    mpmath.mp.dps = 60
    (mu1, a), (mu2, b) = exact_moments(x), exact_moments(y)
    values, vectors = mpmath.eigsy(a)
    root = vectors * mpmath.diag([mpmath.sqrt(max(v, 0)) for v in values])
    product = root.T * b * root
    eigenvalues = mpmath.eigsy((product + product.T) / 2, eigvals_only=True)
    trace = sum(mpmath.sqrt(max(v, 0)) for v in eigenvalues)
    means = sum((p - q) ** 2 for p, q in zip(mu1, mu2))
    traces = sum(a[i, i] + b[i, i] for i in range(a.rows))
    return float(means + traces - 2 * trace)


def sample(rng, n, d):
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


def moments(x):
    return x.mean(0), np.cov(x, rowvar=False).reshape(x.shape[1], x.shape[1])


def frechet_cases(rng):
    d = 12
    wide = np.logspace(-6, 6, d)
    a, b, few, fewer = (sample(rng, n, d) for n in (40, 50, 7, 5))
    left, right = a.copy(), a.copy()
    left[:, 6:] = 0
    right[:, :6] = 0
    return {
        "regular": (a, b),
        "one rank-deficient": (few, b),
        "both rank-deficient": (few, fewer),
        "identical": (a, a),
        "identical, rank-deficient": (few, few),
        "badly scaled": (a * wide, b * wide[::-1]),
        "badly scaled alike": (a * wide, b * wide),
        "tiny": (a * 2.0**-465, b * 2.0**-465),
        "huge": (a * 2.0**465, b * 2.0**465),
        "ranges that do not meet": (left, right),
        "one constant": (a, np.ones((3, d))),
        "one feature": (sample(rng, 9, 1), sample(rng, 8, 1)),
    }


def frechet(rng):
    arrays, values = {}, {}
    for name, (x, y) in frechet_cases(rng).items():
        (mu1, sigma1), (mu2, sigma2) = moments(x), moments(y)
        arrays |= {f"{name}/mu1": mu1, f"{name}/sigma1": sigma1, f"{name}/mu2": mu2, f"{name}/sigma2": sigma2}
        values[name] = {
            "exact": exact_frechet(x, y),
            "pytorchFid": pytorch_fid(mu1, sigma1, mu2, sigma2),
            "trace": float(np.trace(sigma1) + np.trace(sigma2)),
        }
    np.savez(OUT / "frechet.npz", **arrays)
    return values


def features(rng):
    """Two sets of 24 features, of which one is moved and narrower."""
    mixing = rng.normal(size=(24, 24)) / 5
    a = np.maximum(rng.normal(size=(75, 24)) @ mixing + 0.3, 0).astype(np.float32)
    b = np.maximum(0.8 * rng.normal(size=(64, 24)) @ mixing + 0.4, 0).astype(np.float32)
    logits = (2 * rng.normal(size=(57, 11))).astype(np.float32)
    np.savez(OUT / "features.npz", a=a, b=b, logits=logits)
    ta, tb = torch.from_numpy(a), torch.from_numpy(b)
    (mu1, sigma1), (mu2, sigma2) = moments(a.astype(np.float64)), moments(b.astype(np.float64))
    np.savez(OUT / "pytorch-fid.npz", mu=mu1, sigma=sigma1)
    np.savez_compressed(OUT / "pytorch-fid-compressed.npz", mu=mu2, sigma=sigma2)
    kid = {"kid_subsets": 9, "kid_subset_size": 30, "verbose": False}
    return {
        "covariance": {"mean": mu1.tolist(), "diagonal": np.diag(sigma1).tolist(), "row": sigma1[5].tolist()},
        "frechet": pytorch_fid(mu1, sigma1, mu2, sigma2),
        "kid": kid_features_to_metric(ta, tb, rng_seed=2020, **kid),
        "kidSeed7": kid_features_to_metric(ta, tb, rng_seed=7, **kid),
        "isc": isc_features_to_metric(torch.from_numpy(logits), splits=4),
        "iscInOrder": isc_features_to_metric(torch.from_numpy(logits), splits=4, shuffle=False),
        "iscOneSplit": isc_features_to_metric(torch.from_numpy(logits), splits=1),
        "prdc": {k: {m: float(v) for m, v in prdc.compute_prdc(b, a, nearest_k=k).items()} for k in (1, 3, 5)},
        "torchFidelityPrc": prc_features_to_metric(
            ta, tb, prc_neighborhood=3, prc_batch_size=1000, save_cpu_ram=True, verbose=False
        ),
    }


def images(rng):
    height, width = 17, 23
    smooth = np.cumsum(np.cumsum(rng.normal(size=(3, height, width, 3)), axis=1), axis=2) * 4 + 128
    a = np.clip(smooth, 0, 255).astype(np.uint8)
    b = np.clip(smooth + rng.normal(size=smooth.shape) * [[[[5]]], [[[20]]], [[[60]]]], 0, 255).astype(np.uint8)
    np.savez(OUT / "images.npz", a=a, b=b)

    def compare(x, y, data_range):
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 2}
        return {
            "mse": [float(((p.astype(float) - q) ** 2).mean()) for p, q in zip(x, y)],
            "psnr": [peak_signal_noise_ratio(p, q, data_range=data_range) for p, q in zip(x, y)],
            "ssim": [float(structural_similarity(p, q, data_range=data_range, **options)) for p, q in zip(x, y)],
        }

    scaled = [(x.astype(np.float64) / 127.5 - 1) for x in (a, b)]
    spectra = np.abs(np.fft.fft2(scaled[0], axes=(1, 2))) ** 2 / (height * width)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]) * height
    ring = np.floor(radius + 0.5).astype(int)
    power = [spectra[:, ring == k].mean(axis=(1, 2)) for k in range(1, height // 2 + 1)]
    rows = [np.arange(height) * 8 // height == r for r in range(8)]
    columns = [np.arange(width) * 8 // width == c for c in range(8)]
    cells = [[a[:, r][:, :, c].mean(axis=(1, 2)) / 255 for c in columns] for r in rows]
    return {
        "bytes": compare(a, b, 255),
        "floats": compare(*scaled, 2.0),
        "power": np.log10(np.stack(power, 1) + 1e-8).tolist(),
        "pixels": np.stack([np.stack(row, 1) for row in cells], 1).reshape(3, -1)[1].tolist(),
    }


def densities(rng):
    line = rng.normal(size=40) ** 3
    plane = rng.normal(size=(50, 2)) @ [[1.0, 0.8], [0.0, 0.3]] + [1, -2]
    at1 = np.linspace(-4, 4, 9)
    at2 = rng.normal(size=(12, 2)) * 1.5 + [1, -2]
    np.savez(OUT / "densities.npz", line=line, plane=plane, at1=at1, at2=at2)
    rules = {"scott": "scott", "silverman": "silverman", "0.35": 0.35}
    return {
        name: {
            "line": scipy.stats.gaussian_kde(line, rule)(at1).tolist(),
            "plane": scipy.stats.gaussian_kde(plane.T, rule)(at2.T).tolist(),
        }
        for name, rule in rules.items()
    }


def permutations():
    def of(seed, sizes):
        random = np.random.RandomState(seed)
        return [random.permutation(n).tolist() for n in sizes]

    random = np.random.RandomState(2020)
    return {
        "2020": of(2020, [10, 1, 2, 33]),
        "4294967295": of(4294967295, [17]),
        "long": np.random.RandomState(5).permutation(5000)[-12:].tolist(),
        "choice": [random.choice(100, 8, replace=False).tolist() for _ in range(2)],
    }


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20191208)
    golden = {
        "frechet": frechet(rng),
        "features": features(rng),
        "images": images(rng),
        "densities": densities(rng),
        "permutations": permutations(),
    }
    (OUT / "statistics.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
