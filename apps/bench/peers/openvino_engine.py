"""
OpenVINO with an explicit backward graph: f'(x), the noise and the update are one graph, weights its constants, run by
as many streams as threads or by one, whichever is faster.

    python openvino_engine.py float32|bfloat16
"""

import sys
import time

from protocol import Unsupported, repeated, require, serve, threads

require("openvino", "numpy")
import numpy as np  # noqa: E402
import openvino as ov  # noqa: E402
import openvino.opset13 as op  # noqa: E402

NOISE = 0.01
TRIALS = 3


class Engine:
    def __init__(self, mode):
        self.core = ov.Core()
        self.mode = mode
        self.precision = ov.Type.bf16 if mode == "bfloat16" else ov.Type.f32

    def describe(self):
        version = ov.__version__.split("-")[0]
        if self.mode == "bfloat16" and "BF16" not in self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise Unsupported("OpenVINO has no bfloat16 on this processor")
        return {"label": f"OpenVINO {version}, {self.mode}", "versions": {"openvino": version}}

    def compile(self, model, streams=1):
        return self.core.compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": self.precision,
                "INFERENCE_NUM_THREADS": threads(),
                "NUM_STREAMS": streams,
            },
        )

    def prepare(self, case, network, arrays):
        if case["workload"] == "langevin-step":
            return Steps(self, case, network, arrays)
        if case["workload"] == "convolution":
            return Convolution(self, case, network, arrays)
        raise Unsupported("OpenVINO has no gradient with respect to weights")


def pairs(value):
    return [value, value]


def convolve(x, weight, spec):
    return op.convolution(x, weight, pairs(spec["stride"]), pairs(spec["padding"]), pairs(spec["padding"]), [1, 1])


def transposed(dy, weight, spec, side):
    return op.convolution_backprop_data(
        dy,
        weight,
        pairs(spec["stride"]),
        op.constant(np.array(pairs(side))),
        pairs(spec["padding"]),
        pairs(spec["padding"]),
        dilations=[1, 1],
    )


def step_model(chains, network, arrays):
    """x [m, 3, side, side] -> x + f'(x) + 0.01 U, and f'(x)."""
    side, _, colours = network["imageShape"]
    slope = op.constant(np.float32(network["activation"]["slope"]))
    zero = op.constant(np.float32(0))
    specs = network["layers"]
    weights = [op.constant(arrays[f"f.{2 * i}.weight"]) for i in range(len(specs))]
    x = op.parameter([chains, colours, side, side], np.float32)
    y, kept, sides = x, [], []
    for i, spec in enumerate(specs[:-1]):
        bias = op.constant(arrays[f"f.{2 * i}.bias"].reshape(1, -1, 1, 1))
        sides.append(y.get_output_shape(0)[2])
        y = op.prelu(op.add(convolve(y, weights[i], spec), bias), slope)
        kept.append(y)
    # f itself is linear in the last activation: its gradient there is the last filter.
    dy = op.broadcast(weights[-1], op.constant(np.array(y.get_output_shape(0))))
    for i in range(len(specs) - 2, -1, -1):
        dy = op.select(op.greater(kept[i], zero), dy, op.multiply(dy, slope))
        dy = transposed(dy, weights[i], specs[i], sides[i])
    moved = op.add(x, dy)
    noise = op.multiply(normals(x.get_output_shape(0)), op.constant(np.float32(NOISE)))
    return ov.Model([op.result(op.add(moved, noise)), op.result(dy)], [x], "step")


def normals(shape):
    """Box and Muller's transform, both halves used."""
    half = [shape[0], shape[1], shape[2], shape[3] // 2]
    draw = lambda low, seed: op.random_uniform(
        op.constant(np.array(half)), op.constant(np.float32(low)), op.constant(np.float32(1)), "f32", 0, seed
    )
    radius = op.sqrt(op.multiply(op.log(draw(1e-7, 1)), op.constant(np.float32(-2))))
    angle = op.multiply(draw(0, 2), op.constant(np.float32(2 * np.pi)))
    return op.concat([op.multiply(radius, op.cos(angle)), op.multiply(radius, op.sin(angle))], 3)


class Steps:
    def __init__(self, engine, case, network, arrays):
        self.steps = case["steps"]
        chains = case["chains"]
        images = repeated(arrays["images"], chains).transpose(0, 3, 1, 2).copy()
        choices = {1, threads() if chains % threads() == 0 else 1}
        candidates = [Streams(engine, count, images, network, arrays) for count in choices]
        self.streams = min(candidates, key=Streams.seconds_of_step)

    def run(self):
        self.streams.steps(self.steps)

    def check(self, images):
        return self.streams.gradient()[:images].transpose(0, 2, 3, 1).copy(), images


class Streams:
    """The chains in equal parts, one a stream; no part waits for another before its next step."""

    def __init__(self, engine, count, images, network, arrays):
        parts = np.split(images, count)
        compiled = engine.compile(step_model(len(parts[0]), network, arrays), count)
        self.parts = [np.ascontiguousarray(part) for part in parts]
        self.requests = [compiled.create_infer_request() for _ in parts]
        self.moved = list(self.parts)

    def steps(self, count):
        for request, x in zip(self.requests, self.parts):
            request.start_async({0: x}, share_inputs=True)
        for _ in range(count - 1):
            for i, request in enumerate(self.requests):
                request.wait()
                # A graph may not write where it reads.
                self.moved[i] = request.get_output_tensor(0).data.copy()
                request.start_async({0: self.moved[i]}, share_inputs=True)
        for request in self.requests:
            request.wait()

    def gradient(self):
        self.steps(1)
        return np.concatenate([request.get_output_tensor(1).data for request in self.requests])

    def seconds_of_step(self):
        self.steps(1)
        start = time.perf_counter()
        self.steps(TRIALS)
        return time.perf_counter() - start


class Convolution:
    def __init__(self, engine, case, network, arrays):
        if case["pass"] == "filter-gradient":
            raise Unsupported("OpenVINO has no gradient with respect to weights")
        self.engine = engine
        self.case = case
        self.spec = network["layers"][case["layer"]]
        self.weight = arrays[f"f.{2 * case['layer']}.weight"]
        self.bias = arrays[f"f.{2 * case['layer']}.bias"]
        self.forward = case["pass"] == "forward"
        source = "x" if self.forward else "dy"
        self.side = arrays[f"x.{case['layer']}"].shape[1]
        nhwc = repeated(arrays[f"{source}.{case['layer']}"], case["chains"])
        self.input = nhwc.transpose(0, 3, 1, 2).copy()
        self.request = self.requests(self.input)

    def requests(self, values):
        x = op.parameter(list(values.shape), np.float32)
        weight = op.constant(self.weight)
        if self.forward:
            bias = op.constant(self.bias.reshape(1, -1, 1, 1))
            y = op.add(convolve(x, weight, self.spec), bias)
        else:
            y = transposed(x, weight, self.spec, self.side)
        return self.engine.compile(ov.Model([op.result(y)], [x], "pass")).create_infer_request()

    def run(self):
        self.request.infer({0: self.input}, share_inputs=True)

    def check(self, images):
        request = self.requests(self.input[:images].copy())
        request.infer({0: self.input[:images].copy()})
        return request.get_output_tensor(0).data.transpose(0, 2, 3, 1).copy(), images


serve(Engine(sys.argv[1]))
