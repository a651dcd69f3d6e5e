"""Where golden files go and how they are written."""

from pathlib import Path

import torch
from safetensors.torch import save_file

PACKAGES = Path(__file__).resolve().parents[2] / "packages"

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def golden_path(package, name):
    folder = PACKAGES / package / "test" / "goldens"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def write_safetensors(package, name, tensors):
    """Writes fp32 tensors (rounded once, from whatever they were computed in); refuses non-finite values."""
    rounded = {key: torch.as_tensor(t).detach().to(torch.float32).contiguous() for key, t in tensors.items()}
    for key, tensor in rounded.items():
        assert torch.isfinite(tensor).all(), key
    path = golden_path(package, name)
    save_file(rounded, path)
    print(f"{path.relative_to(PACKAGES.parent)}: {path.stat().st_size} bytes, {len(rounded)} tensors")
