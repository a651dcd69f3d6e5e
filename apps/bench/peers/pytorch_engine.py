"""
PyTorch as three people write it: eager (float32), eager under autocast (bfloat16-autocast), and by an expert, who
writes the backward pass by hand and compiles it, weights frozen where they do not change (float32-compiled,
bfloat16-compiled). All in channels_last, the layout that its CPU convolutions are fastest in.

    python pytorch_engine.py MODE
"""

import sys

from protocol import Unsupported, repeated, require, serve, threads

require("torch", "numpy")
import torch  # noqa: E402
import inception  # noqa: E402
import torch.nn.functional as F  # noqa: E402

NOISE = 0.01
SIGMA = 0.03
LEARNING_RATE = 1e-4
# As learning-iteration.ts and learning-part.ts have it.
CHECKED_GRADIENTS = 3
CHECKED_UPDATES = [1, -0.5, 0.25]


class Net(torch.nn.Module):
    """f(x): the convolutions of a network, the activation after all but the last."""

    def __init__(self, network, arrays, dtype=torch.float32):
        super().__init__()
        self.slope = network["activation"]["slope"]
        self.geometry = [(layer["stride"], layer["padding"]) for layer in network["layers"]]
        tensors = [
            (torch.tensor(arrays[f"f.{2 * i}.weight"]), torch.tensor(arrays[f"f.{2 * i}.bias"]))
            for i in range(len(self.geometry))
        ]
        self.weights = torch.nn.ParameterList(
            w.to(dtype).contiguous(memory_format=torch.channels_last) for w, _ in tensors
        )
        self.biases = torch.nn.ParameterList(b.to(dtype) for _, b in tensors)

    def in_order(self):
        return [p for pair in zip(self.weights, self.biases) for p in pair]

    def forward(self, x):
        last = len(self.geometry) - 1
        for i, (stride, padding) in enumerate(self.geometry):
            x = F.conv2d(x, self.weights[i], self.biases[i], stride, padding)
            if i < last:
                x = F.leaky_relu(x, self.slope)
        return x.flatten()


class HandWritten(Net):
    """f'(x) without autograd: activations kept, LeakyReLU' from their signs, convolutions transposed."""

    def forward(self, x):
        last = len(self.geometry) - 1
        y, kept = x.to(self.weights[0].dtype), []
        for i, (stride, padding) in enumerate(self.geometry[:-1]):
            y = F.leaky_relu(F.conv2d(y, self.weights[i], self.biases[i], stride, padding), self.slope)
            kept.append(y)
        # f itself is linear in the last activation: its gradient there is the last filter.
        dy = self.weights[last].expand(y.shape[0], -1, -1, -1)
        for i in range(last - 1, -1, -1):
            dy = torch.where(kept[i] > 0, dy, self.slope * dy)
            stride, padding = self.geometry[i]
            dy = F.conv_transpose2d(dy, self.weights[i], None, stride, padding)
        return x + dy, dy


class Engine:
    def __init__(self, mode):
        torch.set_num_threads(threads())
        self.mode = mode
        self.bfloat16 = mode.startswith("bfloat16")
        self.compiled = mode.endswith("compiled")

    def describe(self):
        return {"label": f"PyTorch {torch.__version__}, {self.mode}", "versions": {"torch": torch.__version__}}

    def prepare(self, case, network, arrays):
        work = {
            "langevin-step": Steps,
            "learning-iteration": Learning,
            "learning-part": Gradient if case.get("part") == "gradient" else Update,
            "convolution": Convolution,
            "inception": Features,
        }
        if case["workload"] not in work:
            raise Unsupported("PyTorch takes no part in it")
        return work[case["workload"]](self, case, network, arrays)

    def autocast(self):
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16 and not self.compiled)

    def gradient(self, net):
        """x -> (x + f'(x), f'(x)) as this mode computes it."""
        if self.compiled:
            raise AssertionError("the compiled modes have a net of their own")

        def step(x):
            x = x.detach().requires_grad_()
            with self.autocast():
                value = net(x).sum()
            gradient = torch.autograd.grad(value, x)[0]
            return x.detach() + gradient, gradient

        return step


def images_of(arrays, chains):
    images = torch.tensor(repeated(arrays["images"], chains)).permute(0, 3, 1, 2)
    return images.contiguous(memory_format=torch.channels_last)


def channels_last_values(x, images):
    return x[:images].float().permute(0, 2, 3, 1).contiguous().numpy()


def sample(step, x, steps):
    for _ in range(steps):
        x, _ = step(x)
        x = x.add_(torch.randn_like(x), alpha=NOISE)
    return x


class Steps:
    def __init__(self, engine, case, network, arrays):
        self.steps = case["steps"]
        self.x = images_of(arrays, case["chains"])
        if engine.compiled:
            dtype = torch.bfloat16 if engine.bfloat16 else torch.float32
            net = HandWritten(network, arrays, dtype).eval().requires_grad_(False)
            compiled = torch.compile(net, dynamic=False, options={"freezing": True})

            def step(x):
                with torch.no_grad():
                    return compiled(x)

            self.step = step
        else:
            self.step = engine.gradient(Net(network, arrays).requires_grad_(False))

    def run(self):
        sample(self.step, self.x, self.steps)

    def check(self, images):
        return channels_last_values(self.step(self.x)[1], images), images


class Learning:
    def __init__(self, engine, case, network, arrays):
        self.engine = engine
        self.steps = case["steps"]
        self.data = images_of(arrays, case["chains"])
        self.net = Net(network, arrays)
        self.optimizer = torch.optim.Adam(self.net.parameters(), LEARNING_RATE, fused=True)
        if engine.compiled:
            # Weights change: they are inputs of the graph, not frozen into it.
            dtype = torch.bfloat16 if engine.bfloat16 else torch.float32
            self.sampler = HandWritten(network, arrays, dtype).eval().requires_grad_(False)
            compiled = torch.compile(self.sampler, dynamic=False)

            def step(x):
                with torch.no_grad():
                    return compiled(x)

            self.step = step
        else:
            self.step = engine.gradient(self.net)

    def run(self):
        self.net.requires_grad_(False)
        if self.engine.compiled:
            for there, here in zip(self.sampler.parameters(), self.net.parameters()):
                there.copy_(here)
        start = torch.empty_like(self.data).uniform_(-1, 1)
        negative = sample(self.step, start, self.steps)
        positive = self.data + SIGMA * torch.randn_like(self.data)
        self.net.requires_grad_(True)
        self.optimizer.zero_grad(set_to_none=True)
        loss(self.engine, self.net, positive, negative).backward()
        self.optimizer.step()

    def check(self, images):
        return checked_gradients(self.engine, self.net, self.data, images)


def loss(engine, net, positive, negative):
    with torch.autocast("cpu", torch.bfloat16, enabled=engine.bfloat16):
        values = net(torch.cat([positive, negative]))
    m = len(positive)
    return values[m:].float().mean() - values[:m].float().mean()


def checked_gradients(engine, net, data, images):
    net.requires_grad_(True)
    checked = data[: min(images, CHECKED_GRADIENTS)].split(1)
    gradients = [torch.autograd.grad(loss(engine, net, x, 0.5 * x), net.in_order()) for x in checked]
    return torch.stack([in_order(gradient) for gradient in gradients]).numpy(), len(checked)


def in_order(tensors):
    return torch.cat([t.detach().float().contiguous().flatten() for t in tensors])


class Gradient:
    def __init__(self, engine, case, network, arrays):
        self.engine = engine
        self.data = images_of(arrays, case["chains"])
        self.samples = 0.5 * self.data
        self.net = Net(network, arrays)

    def run(self):
        self.net.zero_grad(set_to_none=True)
        loss(self.engine, self.net, self.data, self.samples).backward()

    def check(self, images):
        return checked_gradients(self.engine, self.net, self.data, images)


class Update:
    def __init__(self, engine, case, network, arrays):
        self.net = Net(network, arrays)
        self.gradients = [p.detach().clone() for p in self.net.in_order()]
        self.give(1)
        self.optimizer = self.adam()

    def adam(self):
        return torch.optim.Adam(self.net.in_order(), LEARNING_RATE, fused=True)

    def give(self, factor):
        for p, gradient in zip(self.net.in_order(), self.gradients):
            p.grad = factor * gradient

    def run(self):
        self.optimizer.step()

    def check(self, images):
        start = in_order(self.net.in_order())
        optimizer = self.adam()
        for factor in CHECKED_UPDATES:
            self.give(factor)
            optimizer.step()
        self.give(1)
        return ((in_order(self.net.in_order()) - start) / LEARNING_RATE).numpy(), 1


class Convolution:
    def __init__(self, engine, case, network, arrays):
        if engine.compiled:
            raise Unsupported("a single convolution has nothing to compile")
        layer = case["layer"]
        spec = network["layers"][layer]
        dtype = torch.bfloat16 if engine.bfloat16 else torch.float32
        self.case_pass = case["pass"]
        self.geometry = (spec["stride"], spec["padding"])
        self.weight = self.tensor(torch.tensor(arrays[f"f.{2 * layer}.weight"]), dtype)
        self.bias = torch.tensor(arrays[f"f.{2 * layer}.bias"]).to(dtype)
        nhwc = lambda name: torch.tensor(repeated(arrays[f"{name}.{layer}"], case["chains"]))
        self.x = self.tensor(nhwc("x").permute(0, 3, 1, 2), dtype)
        self.dy = self.tensor(nhwc("dy").permute(0, 3, 1, 2), dtype)

    @staticmethod
    def tensor(values, dtype):
        return values.to(dtype).contiguous(memory_format=torch.channels_last)

    def compute(self, x, dy):
        stride, padding = self.geometry
        if self.case_pass == "forward":
            return F.conv2d(x, self.weight, self.bias, stride, padding)
        mask = [self.case_pass == "input-gradient", self.case_pass == "filter-gradient", False]
        strides, paddings = [stride] * 2, [padding] * 2
        results = torch.ops.aten.convolution_backward(
            dy, x, self.weight, None, strides, paddings, [1, 1], False, [0, 0], 1, mask
        )
        return results[0] if mask[0] else results[1]

    def run(self):
        with torch.no_grad():
            self.compute(self.x, self.dy)

    def check(self, images):
        with torch.no_grad():
            y = self.compute(self.x[:images], self.dy[:images])
        if self.case_pass == "filter-gradient":
            return y.float().contiguous().numpy(), 1
        return channels_last_values(y, images), images


class Features:
    def __init__(self, engine, case, network, arrays):
        self.engine = engine
        self.images = torch.tensor(repeated(arrays["images"], case["chains"])).to(torch.uint8)
        net = inception.Inception(arrays, case["width"]).eval().requires_grad_(False)
        net = net.to(memory_format=torch.channels_last)
        if engine.compiled:
            net = net.to(torch.bfloat16 if engine.bfloat16 else torch.float32)
            net = torch.compile(net, dynamic=False, options={"freezing": True})
        self.net = net

    def features(self, images):
        with torch.no_grad(), self.engine.autocast():
            return self.net(images.permute(0, 3, 1, 2))

    def run(self):
        self.features(self.images).numpy()

    def check(self, images):
        return self.features(self.images[:images]).numpy(), images


serve(Engine(sys.argv[1]))
