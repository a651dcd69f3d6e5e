"""Reference values for the statistics of srmcmc-eval moments, by numpy, in float64 over all examples at once.

Writes images-a.npy, images-b.npy, points-a.npy, points-b.npy and moments.json to apps/evaluator/test/goldens.
Run with numpy 2: python make.py
"""

import json
import pathlib

import numpy as np

OUT = pathlib.Path(__file__).parents[3] / "apps" / "evaluator" / "test" / "goldens"
GROUPS = 32
COARSE = 4
# Neither square nor a power of two, and not a multiple of 4: 6 rows make cells of 1 and 2 rows.
HEIGHT, WIDTH, CHANNELS = 6, 10, 3


def images(rng, n, scale):
    noise = rng.normal(size=(n, HEIGHT, WIDTH, CHANNELS))
    smooth = np.cumsum(noise, axis=2) / 3 + rng.normal(size=(n, 1, 1, CHANNELS))
    return (0.3 * scale * smooth + rng.normal(size=(1, HEIGHT, WIDTH, 1)) / 8).astype(np.float32)


def coarse(x):
    rows = [np.flatnonzero(np.arange(HEIGHT) * COARSE // HEIGHT == r) for r in range(COARSE)]
    columns = [np.flatnonzero(np.arange(WIDTH) * COARSE // WIDTH == c) for c in range(COARSE)]
    cells = [[x[:, r][:, :, c].mean(axis=(1, 2)) for c in columns] for r in rows]
    return np.stack([np.stack(row, 1) for row in cells], 1).reshape(len(x), -1)


def power(x):
    spectrum = (np.abs(np.fft.fft2(x, axes=(1, 2))) ** 2 / (HEIGHT * WIDTH)).mean(axis=(0, 3))
    side = min(HEIGHT, WIDTH)
    radius = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.fftfreq(WIDTH)[None]) * side
    ring = np.floor(radius + 0.5).astype(int)
    return np.array([spectrum[ring == k].mean() for k in range(1, side // 2 + 1)])


def eigenvalues(covariance):
    return np.linalg.eigvalsh(covariance)[::-1]


def image_statistics(x):
    pixels = x.reshape(-1, CHANNELS)
    mean, variance = pixels.mean(0), pixels.var(0, ddof=1)
    outside = (np.abs(x) > 1).mean()
    largest = eigenvalues(np.cov(coarse(x).T))[:5]
    return np.array(
        [mean.mean(), *mean, np.sqrt(variance.mean()), *np.sqrt(variance), outside, *largest]
    )


def image_distances(a, b):
    def covariances(x):
        return np.cov(x.reshape(-1, CHANNELS).T), np.cov(coarse(x).T)

    (pixel_a, coarse_a), (pixel_b, coarse_b) = covariances(a), covariances(b)
    return np.array(
        [
            np.sqrt(((a.mean(0) - b.mean(0)) ** 2).mean()),
            np.linalg.norm(pixel_a - pixel_b),
            np.linalg.norm(coarse_a - coarse_b),
            np.linalg.norm(eigenvalues(coarse_a) - eigenvalues(coarse_b)),
            np.sqrt((np.log10(power(a) / power(b)) ** 2).mean()),
        ]
    )


def point_statistics(x):
    return np.array([*x.mean(0), *x.std(0, ddof=1), *eigenvalues(np.cov(x.T))])


def point_distances(a, b):
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    return np.array(
        [
            np.linalg.norm(a.mean(0) - b.mean(0)),
            np.linalg.norm(cov_a - cov_b),
            np.linalg.norm(eigenvalues(cov_a) - eigenvalues(cov_b)),
        ]
    )


def variances(replicates):
    replicates = np.array(replicates)
    g = len(replicates)
    return (g - 1) / g * ((replicates - replicates.mean(0)) ** 2).sum(0)


def without_groups(x):
    group = np.arange(len(x)) % GROUPS
    return [x[group != g] for g in range(min(GROUPS, len(x)))]


def estimate(statistic, x):
    error = np.sqrt(variances([statistic(part) for part in without_groups(x)]))
    return {"value": statistic(x).tolist(), "standardError": error.tolist()}


def pair_estimate(distance, a, b):
    from_a = variances([distance(part, b) for part in without_groups(a)])
    from_b = variances([distance(a, part) for part in without_groups(b)])
    return {"value": distance(a, b).tolist(), "standardError": np.sqrt(from_a + from_b).tolist()}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20190422)
    a, b = images(rng, 40, 1.0), images(rng, 50, 1.2)
    p = (rng.normal(size=(45, 2)) @ [[1.0, 0.4], [0.0, 0.5]] + [0.2, -0.1]).astype(np.float32)
    q = rng.normal(size=(70, 2)).astype(np.float32)
    for name, x in {"images-a": a, "images-b": b, "points-a": p, "points-b": q}.items():
        np.save(OUT / f"{name}.npy", x)
    a, b, p, q = (x.astype(np.float64) for x in (a, b, p, q))
    golden = {
        "numpy": np.__version__,
        "images": {
            "statistics": estimate(image_statistics, a),
            "distances": pair_estimate(image_distances, a, b),
            "power": estimate(power, a),
        },
        "points": {
            "statistics": estimate(point_statistics, p),
            "distances": pair_estimate(point_distances, p, q),
        },
    }
    (OUT / "moments.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
