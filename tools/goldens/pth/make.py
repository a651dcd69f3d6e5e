"""Writes packages/pth/test/goldens with PyTorch, and has PyTorch load what @srmcmc/pth writes.

Needs: pip install torch numpy safetensors, and Node with this repository's packages installed. Run from the
repository root:
    python tools/goldens/pth/make.py
Every NAME.pth has a NAME.safetensors beside it with the contiguous tensors that a reader must find in it, by path.
"""

import argparse
import json
import subprocess
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).parents[3]
OUT = ROOT / "packages/pth/test/goldens"
OUT.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)


def tensors_of(value, path=""):
    """Every tensor of a nested value, by the keys on the way to it joined by dots."""
    if isinstance(value, torch.Tensor):
        yield path, value.detach()
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from tensors_of(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from tensors_of(inner, f"{path}.{index}" if path else str(index))


def save(name, value, **options):
    # Named after the golden, so that each archive has another folder.
    torch.save(value, OUT / f"{name}.pth", **options)
    save_file({path: t.contiguous().clone() for path, t in tensors_of(value)}, OUT / f"{name}.safetensors")


DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
    torch.float32, torch.float64, torch.complex64, torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn,
    torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
]  # fmt: skip


def of_dtype(dtype):
    size = torch.empty(0, dtype=dtype).element_size()
    if dtype == torch.bool:
        return torch.tensor([True, False, True])
    return torch.arange(1, 1 + 3 * size, dtype=torch.uint8).view(dtype)


net = torch.nn.Sequential(
    torch.nn.Conv2d(3, 4, 3), torch.nn.LeakyReLU(0.2), torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 1, 2, bias=False)
)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
net(torch.randn(2, 3, 8, 8)).sum().backward()
optimizer.step()

state = OrderedDict((f"f.{name}", t) for name, t in net.state_dict().items())
save("state-dict", state)

plain = {
    "none": None, "true": True, "false": False, "int": 7, "negative": -70000, "large": 2**40, "huge": -(2**70), "float": 0.1,
    "text": "é\U0001f600", "bytes": b"\x00\xff", "no bytes": b"", "bytearray": bytearray(b"ab"), "tuple": (1, (2.5,), ()),
    "list": [1, [2], {"a": (3,)}], "set": {5}, "size": torch.Size([2, 3]), "device": torch.device("cuda", 1),
    "dtype": torch.bfloat16, "ordered": OrderedDict(b=1, a=2), 3: "three",
}  # fmt: skip
checkpoint = {
    "epoch": 12, "netE": net.state_dict(), "optE": optimizer.state_dict(), "plain": plain,
    "a.b": {"c.d": {"w": torch.ones(2)}}, "nothing": {},
}  # fmt: skip
save("checkpoint", checkpoint)
save("legacy", checkpoint, _use_new_zipfile_serialization=False)
save("protocol-5", checkpoint, pickle_protocol=5)

base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
tied = torch.randn(2, 2)
views = {
    "base": base, "transposed": base.permute(2, 0, 1), "column": base[:, :, 1], "row": base[1], "every other": base[:, ::2, 1::2],
    "scalar": base[1, 2, 3], "expanded": base[0, 0, 0].expand(3, 5), "rows again": base[0, 1].expand(2, 4),
    "overlapping": base.flatten().as_strided([4, 3], [2, 1], 5), "empty": base[:, 1:1], "empty, transposed": torch.zeros(0, 3).t(),
    "tied a": tied, "tied b": tied, "half, transposed": torch.arange(6, dtype=torch.float16).reshape(2, 3).t(),
    "byte, flipped axes": torch.arange(6, dtype=torch.uint8).reshape(2, 3).t(), "int64, strided": torch.arange(9)[::4],
    "channels last": torch.arange(48.0).reshape(1, 3, 4, 4).to(memory_format=torch.channels_last),
    "float8, strided": of_dtype(torch.float8_e5m2)[::2], "uint16, offset": of_dtype(torch.uint16)[1:],
}  # fmt: skip
save("views", views)
save("views-legacy", views, _use_new_zipfile_serialization=False)

noted = torch.nn.Parameter(torch.randn(3))
noted.note = "an attribute"
save("parameters", {"weight": torch.nn.Parameter(torch.randn(2, 2)), "frozen": torch.nn.Parameter(torch.ones(1), False), "noted": noted})
save("every-dtype", {str(dtype): of_dtype(dtype) for dtype in DTYPES})
torch.save([base.untyped_storage(), torch.ones(2)], OUT / "storage.pth")

# Files that a reader must refuse.
class Runs:
    def __reduce__(self):
        return print, ("code of the file was run",)


torch.save({"weight": torch.ones(1), "args": argparse.Namespace(lr=0.1)}, OUT / "refused-namespace.pth")
torch.save(Runs(), OUT / "refused-call.pth")
torch.save(Runs(), OUT / "refused-call-legacy.pth", _use_new_zipfile_serialization=False)
torch.save({"z": torch.ones(2, dtype=torch.complex64).conj()}, OUT / "refused-conjugate.pth")
torch.save({"s": torch.eye(2).to_sparse()}, OUT / "refused-sparse.pth")
torch.save({"z": torch.ones(2, dtype=torch.complex128)}, OUT / "refused-complex128.pth")
torch.save({"huge": torch.zeros(1).expand(2**20, 2**10)}, OUT / "refused-expanded.pth")
torch.jit.script(torch.nn.Linear(1, 1)).save(OUT / "refused-torchscript.pth")
with zipfile.ZipFile(OUT / "state-dict.pth") as stored, zipfile.ZipFile(OUT / "refused-compressed.pth", "w", zipfile.ZIP_DEFLATED) as deflated:
    for name in stored.namelist():
        deflated.writestr(zipfile.ZipInfo(name), stored.read(name), zipfile.ZIP_DEFLATED)
torch.serialization.set_crc32_options(False)
torch.save({"weight": torch.ones(3)}, OUT / "no-checksums.pth")
torch.serialization.set_crc32_options(True)

# What this repository writes, PyTorch must load.
to_write = {str(dtype): of_dtype(dtype).reshape(3, 1) for dtype in DTYPES}
to_write |= {"": torch.ones(1), "é\U0001f600": torch.tensor(3.5), "empty": torch.zeros(2, 0, 3), "a name of " + 200 * "x": torch.ones(1, 2)}
save_file(to_write, OUT / "written.safetensors")
written = OUT / "written.pth"
subprocess.run(
    ["npx", "tsx", "--conditions=@srmcmc/source", "tools/goldens/pth/write.ts", OUT / "written.safetensors", written],
    cwd=ROOT, check=True,
)  # fmt: skip
try:
    expected = load_file(OUT / "written.safetensors")
    for options in ({}, {"mmap": True}, {"weights_only": False}):
        loaded = torch.load(written, **{"weights_only": True, **options})
        assert type(loaded) is OrderedDict and list(loaded) == list(expected), list(loaded)
        for name, tensor in expected.items():
            found = loaded[name]
            assert found.dtype == tensor.dtype and found.shape == tensor.shape and found.is_contiguous(), name
            assert found.contiguous().view(-1).view(torch.uint8).equal(tensor.contiguous().view(-1).view(torch.uint8)), name
    assert zipfile.ZipFile(written).testzip() is None
except Exception:
    written.unlink()
    raise

facts = {"torch": torch.__version__, "writtenPthLoadedBy": ["weights_only=True", "mmap=True", "weights_only=False"]}
(OUT / "made-with.json").write_text(json.dumps(facts, indent=2) + "\n")
print(facts)
