"""The 32 px net and a small MLP under every activation: values and gradients from shared weights."""

from itertools import count

from torch import nn

from energy.nets import (
    KINK_MARGIN,
    LEAK,
    PaperNet,
    assert_finite_differences,
    kink_margin,
    seeded,
    uniform_images,
    value_and_grads,
)
from files import write_safetensors

ACTIVATIONS = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "swish": nn.SiLU,
    "geluTanh": lambda: nn.GELU(approximate="tanh"),
    "geluErf": lambda: nn.GELU(),
    "tanh": nn.Tanh,
    "leakyRelu": lambda: nn.LeakyReLU(LEAK),
}
CONV = ["relu", "elu", "softplus", "swish", "geluTanh", "geluErf"]
MLP = ["tanh", "softplus", "leakyRelu"]


class Mlp(nn.Module):
    """2 -> 16 -> 16 -> 1; state dict keys f.0.weight [out, in], f.0.bias, f.2.weight, ..."""

    def __init__(self, activation):
        super().__init__()
        self.f = nn.Sequential(
            nn.Linear(2, 16), activation(), nn.Linear(16, 16), activation(), nn.Linear(16, 1)
        )

    def forward(self, x):
        return self.f(x).squeeze()


def main():
    seed = next(s for s in count() if kink_margin(*conv_case(s, nn.ReLU)) > KINK_MARGIN)
    tensors = {**conv_case(seed, nn.ReLU)[0].state_dict(), "x": conv_case(seed, nn.ReLU)[1]}
    for name in CONV:
        tensors.update(reference(name, *conv_case(seed, ACTIVATIONS[name])))
    write_safetensors("energy", "activations-32.safetensors", tensors)

    tensors = {**mlp_case(nn.Tanh)[0].state_dict(), "x": mlp_case(nn.Tanh)[1]}
    for name in MLP:
        tensors.update(reference(name, *mlp_case(ACTIVATIONS[name])))
    write_safetensors("energy", "mlp.safetensors", tensors)


def conv_case(seed, activation):
    return seeded(seed, lambda: PaperNet(32, 2, activation)), uniform_images(seed, 1, 32, 32, 3)


def mlp_case(activation):
    return seeded(0, lambda: Mlp(activation)), 2 * uniform_images(0, 8, 2)


def reference(name, net, x):
    net, x = net.double(), x.double()
    value, grad_x, grads = value_and_grads(net, x)
    assert_finite_differences(net, x, grad_x, grads)
    return {
        f"{name}.value": value,
        f"{name}.grad.x": grad_x,
        **{f"{name}.grad.{key}": grad for key, grad in grads.items()},
    }


if __name__ == "__main__":
    main()
