"""The filter bank of FRAME by scikit-image, SciPy and PyWavelets, and histograms of its responses by NumPy."""

import numpy as np
import pywt
import torch
from scipy import ndimage, signal
from skimage.filters import gabor_kernel

from files import write_safetensors


def unit(values):
    """As the library has its filters: mean 0, Euclidean norm 1."""
    values = np.asarray(values, dtype=np.float64)
    values = values - values.mean()
    return values / np.linalg.norm(values)


def impulse_response(operator, radius):
    """What a linear filter does to a lone one."""
    image = np.zeros((2 * radius + 1,) * 2)
    image[radius, radius] = 1
    return operator(image)


def haar(level, band):
    """The one wavelet of this level and band, of PyWavelets."""
    bands = [np.zeros((1, 1))] * 3
    bands[band] = np.ones((1, 1))
    finer = [(None, None, None)] * (level - 1)
    return pywt.waverec2([np.zeros((1, 1)), tuple(bands), *finer], "haar")


tensors = {}

# At 0 degrees the wave runs along the rows, at 90 down them.
for wavelength in (3, 6):
    for degrees in (0, 45, 90, 135):
        kernel = gabor_kernel(
            1 / wavelength, np.radians(degrees), sigma_x=wavelength / 2, sigma_y=wavelength / 2, n_stds=8
        )
        middle, radius = kernel.shape[0] // 2, wavelength
        window = kernel[middle - radius : middle + radius + 1, middle - radius : middle + radius + 1]
        tensors[f"gabor.{wavelength}.{degrees}.even"] = unit(window.real)
        tensors[f"gabor.{wavelength}.{degrees}.odd"] = unit(window.imag)

# scipy's derivatives of Gaussians sum to their order's moment; a norm of 1 undoes that.
for sigma in (1, 2):
    radius = 3 * sigma
    derivative = {
        order: impulse_response(
            lambda image, order=order: ndimage.gaussian_filter(image, sigma, order=order, radius=radius), radius
        )
        for order in ((0, 1), (1, 0), (0, 2), (2, 0))
    }
    tensors[f"derivative.{sigma}.1.0"] = unit(derivative[0, 1])
    tensors[f"derivative.{sigma}.1.90"] = unit(derivative[1, 0])
    tensors[f"derivative.{sigma}.2.0"] = unit(derivative[0, 2])
    tensors[f"derivative.{sigma}.2.90"] = unit(derivative[2, 0])
    tensors[f"laplacian.{sigma}"] = unit(-derivative[0, 2] - derivative[2, 0])

# PyWavelets' bands: changes down the rows, along them, along both.
for level, size in ((1, 2), (2, 4)):
    for band, name in enumerate(("down", "across", "diagonal")):
        tensors[f"haar.{size}.{name}"] = unit(haar(level, band))

# Responses and their histograms: scipy's correlation, NumPy's counts.
generator = np.random.default_rng(7)
image = ndimage.gaussian_filter(generator.standard_normal((24, 20)), 1, mode="wrap")
image = (image / image.std()).astype(np.float32).astype(np.float64)
laplacian = tensors["laplacian.1"]
valid = signal.correlate2d(image, laplacian, mode="valid")
periodic = ndimage.correlate(image, laplacian, mode="wrap")
edges = [-np.inf, -1.5, -0.5, 0.5, 1.5, np.inf]
tensors["image"] = image[None, :, :, None]
tensors["valid.mean"] = np.array([np.abs(valid).mean()])
tensors["periodic.mean"] = np.array([np.abs(periodic).mean()])
tensors["valid.histogram"] = np.histogram(valid, edges)[0] / valid.size
tensors["periodic.histogram"] = np.histogram(periodic, edges)[0] / periodic.size
tensors["strided.histogram"] = np.histogram(valid[::2, ::2], edges)[0] / valid[::2, ::2].size
# No response so near an edge that rounding could move it to another bin.
assert np.abs(periodic[..., None] - edges[1:-1]).min() > 1e-4

write_safetensors(
    "energy",
    "filter-bank.safetensors",
    {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in tensors.items()},
)
