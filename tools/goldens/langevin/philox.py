"""Philox4x32-10 (Salmon et al. 2011) in NumPy, the library's normals from it, and the golden of both."""

import json

import numpy as np

from files import PACKAGES, golden_path

KEY = (0x12345678, 0x9ABCDEF0)
UNIT = 2.0**-24
# counter, key, words: the three lines "philox4x32 10" of Random123's kat_vectors file.
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def philox4x32(counter, key):
    """Words [..., 4] (uint64 holding 32 bits) for counters [..., 4] and one key of two words."""
    c0, c1, c2, c3 = np.moveaxis(np.asarray(counter, np.uint64), -1, 0)
    low = np.uint64(0xFFFFFFFF)
    for i in range(10):
        k0 = np.uint64((key[0] + i * 0x9E3779B9) & 0xFFFFFFFF)
        k1 = np.uint64((key[1] + i * 0xBB67AE85) & 0xFFFFFFFF)
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ k0, p1 & low, (p0 >> np.uint64(32)) ^ c3 ^ k1, p0 & low
    return np.stack([c0, c1, c2, c3], axis=-1)


def normals(key, chain, step, size):
    """fp64 normals of one chain at one step; the block (b, step, chain, 0) gives elements 4b .. 4b + 3."""
    blocks = (size + 3) // 4
    counter = np.zeros((blocks, 4), np.uint64)
    counter[:, 0], counter[:, 1], counter[:, 2] = np.arange(blocks), step, chain
    bits = (philox4x32(counter, key) >> np.uint64(8)).astype(np.float64)
    radius = np.sqrt(-2 * np.log((bits[:, 0::2] + 1) * UNIT))
    angle = 2 * np.pi * (bits[:, 1::2] * UNIT)
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return pairs.reshape(-1)[:size]


def assert_known_answers():
    for counter, key, words in KNOWN_ANSWERS:
        assert tuple(int(w) for w in philox4x32(counter, key)) == words


def main():
    assert_known_answers()
    many = normals(KEY, 3, 5, 200_000)
    assert abs(many.mean()) < 0.01 and abs(many.var() - 1) < 0.015 and abs((many**4).mean() - 3) < 0.1

    cases = [(counter, key) for counter, key, _ in KNOWN_ANSWERS]
    # One counter word at a time, then all of them, under keys with the top bits set and unset.
    cases += [(c, KEY) for c in [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (767, 99, 63, 4)]]
    cases += [((0x80000000, 0x7FFFFFFF, 0xFFFF0000, 0x0000FFFF), (1, 0x80000000))]
    golden = {
        "words": [
            {"counter": list(c), "key": list(k), "words": [int(w) for w in philox4x32(c, k)]}
            for c, k in cases
        ],
        "normals": {
            "key": list(KEY),
            "rows": [
                {"chain": chain, "step": step, "values": normals(KEY, chain, step, 16).tolist()}
                for step in (0, 7)
                for chain in range(4)
            ],
        },
    }
    path = golden_path("core", "philox.json")
    path.write_text(json.dumps(golden, indent=2) + "\n")
    print(f"{path.relative_to(PACKAGES.parent)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
