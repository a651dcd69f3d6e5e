"""Errors of minimal filtering (Winograd) in single precision, against direct sums and double precision.

Usage: python tools/precision/minimal.py

For docs/decisions/008. Uniform operands, 128 channels, random squares. Columns: the error in the Euclidean norm relative
to the sums', and the largest in units of 2^-24 times the sum of magnitudes of an element.
"""

import numpy as np


def matrices(points, outputs, taps):
    """A^T, G and B^T of F(outputs, taps) for finite points and infinity (Toom-Cook, transposed)."""
    n = outputs + taps - 1
    powers = np.array([[point**k for k in range(n)] for point in points] + [[0] * (n - 1) + [1]], float)
    a, g, b = powers[:, :outputs].copy(), powers[:, :taps].copy(), np.linalg.inv(powers).T
    a[-1], g[-1] = np.eye(outputs)[-1], np.eye(taps)[-1]
    for i, point in enumerate(points):
        factor = np.prod([point - other for other in points if other != point])
        b[i] *= factor
        g[i] /= factor
    return a.T, g, b


def three_ways(sums, p, q):
    """Products summed in single precision and in double, and their magnitudes."""
    exact = [operand.astype(float) for operand in (p, q)]
    ways = ((p, q), exact, map(abs, exact))
    return [np.einsum(sums, *operands, optimize=True) for operands in ways]


def against(truth, magnitude, *results):
    return [
        (np.linalg.norm(found - truth) / np.linalg.norm(truth), (abs(found - truth) / magnitude).max() * 2**24)
        for found in results
    ]


def operands(*shapes):
    random = np.random.default_rng(0)
    return [random.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]


def errors(points, outputs, taps, channels=128, columns=64, squares=200):
    a, g, b = (m.astype(np.float32) for m in matrices(points, outputs, taps))
    n = outputs + taps - 1
    x, w = operands((squares, channels, n, n), (channels, columns, taps, taps))
    u = np.einsum('ia,knab,jb->ijkn', g, w, g, optimize=True)
    v = np.einsum('ia,tkab,jb->ijtk', b, x, b, optimize=True)
    y = np.einsum('ai,ijtn,bj->tnab', a, v @ u, a, optimize=True)
    by_tap = [
        three_ways('tkxy,kn->tnxy', x[:, :, i : i + outputs, j : j + outputs], w[:, :, i, j])
        for i, j in np.ndindex(taps, taps)
    ]
    direct, truth, magnitude = (sum(parts) for parts in zip(*by_tap))
    return against(truth, magnitude, y, direct)


def gradient_errors(points, outputs, taps, channels=32, columns=32, squares=256):
    """Likewise of the gradient in the taps of 32 channels, which the transposed matrices make."""
    a, g, b = (m.astype(np.float32) for m in matrices(points, outputs, taps))
    n = outputs + taps - 1
    x, dy = operands((squares, channels, n, n), (squares, columns, outputs, outputs))
    v = np.einsum('ia,tkab,jb->ijkt', b, x, b, optimize=True)
    e = np.einsum('ai,tnab,bj->ijtn', a, dy, a, optimize=True)
    found = np.einsum('ai,abkn,bj->ijkn', g, v @ e, g, optimize=True).reshape(-1, channels, columns)
    by_tap = [
        three_ways('tkxy,tnxy->kn', x[:, :, i : i + outputs, j : j + outputs], dy) for i, j in np.ndindex(taps, taps)
    ]
    direct, truth, magnitude = (np.array(parts) for parts in zip(*by_tap))
    return against(truth, magnitude, found, direct)


print(f'{"":10} {"points":24} {"error":>9} {"largest":>8} {"direct":>9} {"largest":>8}')
for outputs, taps, points in [
    (2, 2, (0, 1)),
    (3, 2, (0, 1, -1)),
    (4, 2, (0, 1, -1, 2)),
    (4, 2, (0, -1, 0.5, 2)),
    (4, 2, (0.5, -0.5, 1, -1)),
    (4, 2, (0.5, -0.5, 1.5, -1.5)),
    (4, 2, (0.5, -0.5, 1.25, -1.25)),
    (2, 3, (0, 1, -1)),
    (4, 3, (0, 1, -1, 2, -2)),
    (4, 3, (0, 1, -1, 0.5, -2)),
]:
    (norm, largest), (direct, most) = errors(points, outputs, taps)
    print(f'F({outputs}, {taps})    {str(points):24} {norm:9.1e} {largest:8.1f} {direct:9.1e} {most:8.1f}')

(norm, largest), (direct, most) = gradient_errors((0.5, -0.5, 1.25, -1.25), 4, 2)
print(f'gradient in the taps, by F(4, 2) {norm:12.1e} {largest:8.1f} {direct:9.1e} {most:8.1f}')
