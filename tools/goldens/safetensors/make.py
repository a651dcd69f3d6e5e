"""Writes packages/safetensors/test/goldens with the reference implementation.

Needs: pip install safetensors==0.8.0 numpy ml_dtypes. Run from the repository root:
    python tools/goldens/safetensors/make.py
"""

import hashlib
import json
import struct
from pathlib import Path

import ml_dtypes
import numpy as np
import safetensors
from safetensors import TensorSpec, deserialize
from safetensors.numpy import save

OUT = Path(__file__).parents[3] / "packages/safetensors/test/goldens"
OUT.mkdir(parents=True, exist_ok=True)

# The dtypes that the Python package can write, by the names it knows them by.
WRITABLE = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn",
    "F8_E8M0": "float8_e8m0fnu", "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "I16": "int16", "U16": "uint16", "F16": "float16", "BF16": "bfloat16", "I32": "int32", "U32": "uint32",
    "F32": "float32", "C64": "complex64", "F64": "float64", "I64": "int64", "U64": "uint64",
}  # fmt: skip
MINIFLOATS = {
    "F16": np.dtype(np.float16), "BF16": np.dtype(ml_dtypes.bfloat16),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2), "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2FNUZ": np.dtype(ml_dtypes.float8_e5m2fnuz), "F8_E4M3FNUZ": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "F8_E8M0": np.dtype(ml_dtypes.float8_e8m0fnu),
}  # fmt: skip


def serialize_raw(tensors, metadata=None):
    """tensors: {name: (python dtype name, shape, bytes)}"""
    buffers = {name: np.frombuffer(data, np.uint8) for name, (_, _, data) in tensors.items()}
    specs = {
        name: TensorSpec(dtype=dtype, shape=shape, data_ptr=buffers[name].ctypes.data, data_len=len(data))
        for name, (dtype, shape, data) in tensors.items()
    }
    return bytes(safetensors.serialize(specs, metadata=metadata))


def every_dtype():
    """Names run against the order of the dtypes, so that the order by alignment is seen; bytes are 0, 1, 2, ..."""
    tensors, count = {}, len(WRITABLE)
    for i, (code, dtype) in enumerate(WRITABLE.items()):
        width = {"16": 2, "32": 4, "64": 8}.get(code[-2:], 1)
        size = 3 * width
        data = bytes((i + k) % 2 if code == "BOOL" else i + k for k in range(size))
        tensors[f"{count - i:02d}.{code}"] = (dtype, [3, 1], data)
    tensors["packed"] = ("float4_e2m1fn_x2", [2, 2], bytes([0x21, 0x43, 0x65, 0x87]))
    return serialize_raw(tensors, {"format": "np"})


def awkward_names():
    """Sorting by code point and not by UTF-16 unit, escapes, empty names, scalars and empty tensors."""
    names = ["", "b", "a.10", "a.2", "\U0001f600", "\uff5e", "é", "tab\tquote\"slash\\/", "\x01\x7f\u2028", "constructor"]
    tensors = {name: np.full([1] * (i % 3), i, np.float32) for i, name in enumerate(names)}
    tensors["empty"] = np.zeros([2, 0, 3], np.float32)
    tensors["half"] = np.arange(3, dtype=np.float16)
    return save(tensors, {"line\n\"é\"": "\U0001f600 \x1f \\ /"})


def conversions():
    """Floats and the codes that numpy and ml_dtypes round them to: random bits, every boundary, and its neighbours."""
    random = np.random.default_rng(0).integers(0, 2**32, 1024, np.uint32).view(np.float32)
    usual = np.random.default_rng(1).standard_normal(512).astype(np.float32)
    points = [random, usual, np.array([0.0, -0.0, np.inf, -np.inf, np.nan], np.float32)]
    for code, dtype in MINIFLOATS.items():
        if code == "F8_E8M0":
            continue
        every = 331 if dtype.itemsize == 2 else 1
        codes = np.arange(0, 2 ** (8 * dtype.itemsize), every, dtype=f"u{dtype.itemsize}").view(dtype)
        values = codes.astype(np.float32)
        values = np.sort(values[np.isfinite(values)])
        middles = ((values[1:].astype(np.float64) + values[:-1]) / 2).astype(np.float32)
        last = values[-1] + (values[-1] - values[-2]) / 2
        for exact in (values, middles, np.array([last, -last], np.float32)):
            points += [exact, np.nextafter(exact, np.float32(np.inf)), np.nextafter(exact, np.float32(-np.inf))]
    values = np.concatenate(points).astype(np.float32)
    tensors = {"values": ("float32", list(values.shape), values.tobytes())}
    with np.errstate(all="ignore"):
        for code, dtype in MINIFLOATS.items():
            if code != "F8_E8M0":
                tensors[code] = (WRITABLE[code], list(values.shape), values.astype(dtype).tobytes())
    return serialize_raw(tensors)


def decoded_digests():
    """SHA-256 of the float32 bits of every code of a format, every NaN as 0x7fc00000."""
    digests = {}
    for code, dtype in MINIFLOATS.items():
        codes = np.arange(2 ** (8 * dtype.itemsize), dtype=f"u{dtype.itemsize}").view(dtype)
        with np.errstate(all="ignore"):
            values = codes.astype(np.float32)
        values[np.isnan(values)] = np.uint32(0x7FC00000).view(np.float32)
        digests[code] = hashlib.sha256(values.tobytes()).hexdigest()
    return digests


def integer_rounding():
    """64-bit integers at and about the ties of float32, and what numpy rounds them to."""
    rng = np.random.default_rng(2)
    cases = {}
    for code, dtype, top in (("I64", np.int64, 63), ("U64", np.uint64, 64)):
        values = [0, 1, 5, 2**24 + 1, 2**53 + 1, 2**top - 1]
        for bits in range(25, top):
            base = (1 << bits) + (int(rng.integers(0, 1 << 23)) << (bits - 23))
            half = 1 << (bits - 24)
            values += [base + half - 1, base + half, base + half + 1]
        values = [v for v in values if v < 2**top]
        if code == "I64":
            values += [-v for v in values] + [-(2**63)]
        array = np.array(values, dtype)
        cases[code] = array
        cases[f"{code} rounded"] = array.astype(np.float32)
    return save(cases)


def verdicts():
    """Headers and what the reference makes of them."""
    def tensor(shape, offsets, dtype="U8", more=""):
        return f'{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{offsets}]{more}}}'

    one = tensor("1", "0,1")
    deep = lambda n: tensor("1", "0,1", more=',"x":' + "[" * n + "]" * n)
    cases = [
        ("{}", 0), ("{}   ", 0), ("{}\n\t\r", 0), (" {}", 0), ("\ufeff{}", 0), ("", 0), ("[]", 0), ("null", 0), ("{", 0),
        ("{}{}", 0), ("{,}", 0), ('{"a":}', 0), ("{'a':1}", 0), ('{"a"}', 0), ('{"a":1}', 0), ('{"a":[]}', 0),
        ('{"__metadata__":{}}', 0), ('{"__metadata__":null}', 0), ('{"__metadata__":{"a":"1"}}', 0),
        ('{"__metadata__":{"a":1}}', 0), ('{"__metadata__":[]}', 0), ('{"__metadata__":"a"}', 0),
        ('{"__metadata__":{"a":null}}', 0), ('{"__metadata__":{},"__metadata__":{}}', 0),
        ('{"__metadata__":{"a":"1","a":"2"}}', 0), (f'{{"a":{one},"a":{one}}}', 1),
        (f'{{"a":{one}}}', 1), (f'{{"":{one}}}', 1), (f'{{"a":{one},}}', 1), (f'{{"a":{one}}}', 0), (f'{{"a":{one}}}', 2),
        (f'{{"a":{one}}}', 9), ("{}", 1), (f'{{"a":{tensor("", "0,1")}}}', 1), (f'{{"a":{tensor("0", "0,0")}}}', 0),
        (f'{{"a":{tensor("2", "0,1")}}}', 1), (f'{{"a":{tensor("1", "0,2")}}}', 2), (f'{{"a":{tensor("1", "1,0")}}}', 1),
        (f'{{"a":{tensor("0", "1,1")}}}', 1), (f'{{"a":{tensor("1", "1,2")}}}', 2), (f'{{"a":{tensor("1", "0,1,1")}}}', 1),
        (f'{{"a":{tensor("1", "0")}}}', 1), (f'{{"a":{tensor("-1", "0,1")}}}', 1), (f'{{"a":{tensor("-0", "0,0")}}}', 0),
        (f'{{"a":{tensor("1.0", "0,1")}}}', 1), (f'{{"a":{tensor("1e0", "0,1")}}}', 1), (f'{{"a":{tensor("01", "0,1")}}}', 1),
        (f'{{"a":{tensor("null", "0,1")}}}', 1), (f'{{"a":{tensor("true", "0,1")}}}', 1),
        (f'{{"a":{tensor("1", "0,1")},"b":{tensor("1", "1,2")}}}', 2), (f'{{"b":{tensor("1", "1,2")},"a":{one}}}', 2),
        (f'{{"a":{tensor("1", "0,1")},"b":{tensor("1", "0,1")}}}', 1), (f'{{"a":{tensor("2", "0,2")},"b":{tensor("2", "1,3")}}}', 3),
        (f'{{"a":{tensor("1", "0,1")},"b":{tensor("1", "2,3")}}}', 3), (f'{{"a":{tensor("0", "1,1")},"b":{one}}}', 1),
        (f'{{"a":{tensor("0", "0,0")},"b":{one}}}', 1), (f'{{"a":{tensor("1", "0,1", "u8")}}}', 1),
        (f'{{"a":{tensor("1", "0,1", "F7")}}}', 1), (f'{{"a":{tensor("1", "0,1", "toString")}}}', 1),
        (f'{{"a":{tensor("2", "0,1", "F4")}}}', 1), (f'{{"a":{tensor("3", "0,1", "F4")}}}', 1),
        (f'{{"a":{tensor("4", "0,3", "F6_E2M3")}}}', 3), (f'{{"a":{tensor("3", "0,2", "F6_E3M2")}}}', 2),
        ('{"a":{"shape":[1],"data_offsets":[0,1]}}', 1), ('{"a":{"dtype":"U8","data_offsets":[0,1]}}', 1),
        ('{"a":{"dtype":"U8","shape":[1]}}', 1), ('{"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}}', 1),
        ('{"a":{"dtype":3,"shape":[1],"data_offsets":[0,1]}}', 1), ('{"a":["U8",[1],[0,1]]}', 1),
        ('{"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}', 1),
        (f'{{"a":{tensor("1", "0,1", more=chr(44) + chr(34) + "x" + chr(34) + ":[1.5,null,{}]")}}}', 1),
        (f'{{"a":{deep(120)}}}', 1), (f'{{"a":{deep(126)}}}', 1), (f'{{"a":{deep(130)}}}', 1),
        (f'{{"a":{tensor("18446744073709551615,0", "0,0")}}}', 0), (f'{{"a":{tensor("18446744073709551616,0", "0,0")}}}', 0),
        (f'{{"a":{tensor("4294967296,4294967296", "0,0")}}}', 0), (f'{{"a":{tensor("1099511627776,1099511627776,0", "0,0")}}}', 0),
        (f'{{"a":{tensor("0,1099511627776,1099511627776", "0,0")}}}', 0), (f'{{"a":{tensor("2147483648,2147483648,0", "0,0")}}}', 0),
        (f'{{"a":{tensor("2305843009213693952", "0,0", "F64")}}}', 0), (f'{{"a":{tensor("1", "18446744073709551615,0")}}}', 1),
        (f'{{"a\\ud800":{one}}}', 1), (f'{{"a\\ud800\\u0041":{one}}}', 1), (f'{{"a\\udc00":{one}}}', 1),
        (f'{{"\\ud83d\\ude00\\u0041\\/\\b":{one}}}', 1), (f'{{"a\\x41":{one}}}', 1), (f'{{"a\x01":{one}}}', 1), (f'{{"a\x7f":{one}}}', 1),
        (f'{{"a\\u00e":{one}}}', 1), (f'{{"a:{one}}}', 1), (f'{{"a":{one}}} x', 1), (f'{{"a" :\n{one} }}', 1),
    ]  # fmt: skip
    records = []
    for header, size in cases:
        encoded = header.encode()
        file = struct.pack("<Q", len(encoded)) + encoded + bytes(range(size))
        try:
            tensors = {name: [t["dtype"], t["shape"], list(t["data"])] for name, t in deserialize(file)}
            if any(d > 2**53 for t in tensors.values() for d in t[1]):
                tensors = "has dimensions beyond 2^53"
            records.append({"header": header, "size": size, "tensors": tensors})
        except Exception as error:
            records.append({"header": header, "size": size, "refused": str(error).removeprefix("Error while deserializing: ")})
    return records


(OUT / "every-dtype.safetensors").write_bytes(every_dtype())
(OUT / "awkward-names.safetensors").write_bytes(awkward_names())
(OUT / "much-metadata.safetensors").write_bytes(save({}, {key: key.upper() for key in "the order is random".split()}))
(OUT / "empty.safetensors").write_bytes(save({}))
(OUT / "conversions.safetensors").write_bytes(conversions())
(OUT / "integers.safetensors").write_bytes(integer_rounding())
(OUT / "decoded-digests.json").write_text(json.dumps(decoded_digests(), indent=2) + "\n")
lines = ",\n".join(json.dumps(record) for record in verdicts())
(OUT / "verdicts.json").write_text(f"[\n{lines}\n]\n")
print(f"safetensors {safetensors.__version__}, numpy {np.__version__}, ml_dtypes {ml_dtypes.__version__}")
