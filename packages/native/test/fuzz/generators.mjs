// Arguments that each function of the addon accepts. A function without an entry fails the fuzz.

const ACTIVATIONS = [1, 3, 4, 7, 8, 9, 10];
const [FLOAT32, BFLOAT16] = [0, 1];

export const generators = {
  threads: () => [],
  setThreads: (draw) => [draw.integer(1, 4)],
  peakGflops: () => [],
  peakBf16Gflops: () => [],
  philox4x32: (draw) => Array.from({ length: 6 }, () => draw.word()),
  conv2d: (draw) => {
    const { shape, x, filter, y, channels } = convolution(draw);
    return [shape, x, filter, y, ...epilogue(draw, channels), precision(draw)];
  },
  conv2dInputGradient: (draw) => {
    const { shape, x, filter, y } = convolution(draw);
    shape[11] = shape[12] = 1;
    return [shape, y, filter, x, precision(draw)];
  },
  conv2dFilterGradient: (draw) => {
    const { shape, x, filter, y } = convolution(draw);
    return [shape, x, y, filter, precision(draw)];
  },
  matMul: (draw) => {
    const most = draw.chance(0.2) ? 70 : 9;
    const [rows, inner, columns] = [0, 0, 0].map(() => draw.integer(0, most));
    const batch = draw.integer(0, 9);
    const [batchA, batchB] = draw.pick([
      [batch, batch],
      [1, batch],
      [batch, 1],
    ]);
    const products = batchA === 0 || batchB === 0 ? 0 : Math.max(batchA, batchB);
    const shape = [batchA, batchB, rows, inner, columns, draw.integer(0, 1), draw.integer(0, 1)];
    const arrays = [batchA * rows * inner, batchB * inner * columns, products * rows * columns];
    return [
      integers(draw, shape),
      ...arrays.map((size) => draw.floats(size)),
      ...epilogue(draw, columns),
      precision(draw),
    ];
  },
  unary: (draw) => {
    const size = draw.integer(0, 70);
    return [draw.integer(0, 17), draw.floats(size), draw.floats(size), draw.uniform(), draw.uniform()];
  },
  binary: (draw) => {
    const { shape, a, b, size } = broadcast(draw);
    return [draw.integer(0, 9), shape, a, b, draw.floats(size), draw.uniform()];
  },
  compare: (draw) => {
    const { shape, a, b, size } = broadcast(draw);
    return [draw.integer(10, 15), shape, a, b, draw.array(Uint8Array, size)];
  },
  select: (draw) => {
    const size = draw.integer(0, 70);
    return [draw.array(Uint8Array, size), draw.floats(size), draw.floats(size), draw.floats(size)];
  },
  adam: (draw) => {
    const size = draw.integer(0, 70);
    return [draw.floats(7), ...Array.from({ length: 7 }, () => draw.floats(size))];
  },
  reduce: (draw) => {
    const [outer, length, inner] = [0, 0, 0].map(() => draw.integer(0, 9));
    const shape = integers(draw, [outer, length, inner]);
    return [draw.integer(0, 2), shape, draw.floats(outer * length * inner), draw.floats(outer * inner), 0.5];
  },
  pool: (draw) => {
    const { shape, x, y } = pooling(draw);
    return [draw.integer(0, 1), shape, x, y];
  },
  resizeBilinear: (draw) => {
    const [ih, iw, channels, oh, ow] = Array.from({ length: 5 }, () => draw.integer(1, 9));
    const n = draw.integer(0, 5);
    const shape = integers(draw, [n, ih, iw, channels, oh, ow, draw.integer(0, 1), draw.integer(0, 1)]);
    return [shape, draw.floats(n * ih * iw * channels), draw.floats(n * oh * ow * channels)];
  },
  concat: (draw) => {
    const rows = draw.integer(0, 9);
    const lengths = [
      draw.integer(1, 5),
      ...Array.from({ length: draw.integer(0, 4) }, () => draw.integer(0, 5)),
    ];
    const sizes = lengths.map((length) => rows * length);
    const whole = sizes.reduce((sum, size) => sum + size, 0);
    return [integers(draw, lengths), draw.floats(whole), ...sizes.map((size) => draw.floats(size))];
  },
  normal: random,
  uniform: random,
  shortRun: (draw) => {
    const { args, size, steps, snapshots } = shortRun(draw);
    const results = [size, steps, steps, ...Array(snapshots).fill(size)];
    return [...args, ...results.map((length) => draw.floats(length))];
  },
  startShortRun: (draw) => shortRun(draw).args,
  shortRunHmc: (draw) => {
    const { args, size, steps, reports, snapshots } = shortRunHmc(draw);
    const results = [size, ...Array(reports).fill(steps), ...Array(snapshots).fill(size)];
    return [...args, ...results.map((length) => draw.floats(length))];
  },
  startShortRunHmc: (draw) => shortRunHmc(draw).args,
  valueAndGradient: (draw) => {
    const { head, images, size, weights } = network(draw);
    return [...head, draw.floats(size), ...weights, draw.floats(images), draw.floats(size)];
  },
  parameterGradient: (draw) => {
    const { args, images, weights } = parameterGradient(draw);
    return [...args, draw.floats(images), ...weights.map((weight) => draw.floats(weight.length))];
  },
  startParameterGradient: (draw) => parameterGradient(draw).args,
};

function integers(draw, values) {
  const array = draw.array(Int32Array, values.length);
  array.set(values);
  return array;
}

function convolution(draw) {
  const size = () => draw.integer(1, 6);
  const [ih, iw, oh, ow, kh, kw] = Array.from({ length: 6 }, size);
  // Some that tiles of bfloat16 are made for.
  const isWide = draw.chance(0.2);
  const n = isWide ? draw.integer(8, 40) : draw.integer(0, 14);
  const [ic, oc] = [0, 0].map(() => (isWide ? draw.integer(16, 70) : size()));
  const step = () => draw.pick([1, 1, 2, 3, 1000, 2 ** 20]);
  const pad = () => draw.pick([-(2 ** 20), -2, 0, 0, 1, 2, 9, 2 ** 20]);
  const steps = [step(), step(), step(), step(), pad(), pad()];
  return {
    shape: integers(draw, [n, ih, iw, ic, oh, ow, oc, kh, kw, ...steps]),
    x: draw.floats(n * ih * iw * ic),
    filter: draw.floats(kh * kw * ic * oc),
    y: draw.floats(n * oh * ow * oc),
    channels: oc,
  };
}

function precision(draw) {
  return draw.chance(0.3) ? BFLOAT16 : FLOAT32;
}

function pooling(draw) {
  const { shape, channels } = convolution(draw);
  const [n, ih, iw, , oh, ow, , kh, kw, ...steps] = shape;
  return {
    shape: integers(draw, [n, ih, iw, channels, oh, ow, kh, kw, ...steps]),
    x: draw.floats(n * ih * iw * channels),
    y: draw.floats(n * oh * ow * channels),
  };
}

function epilogue(draw, channels) {
  const activation = draw.integer(0, 6);
  const maybe = () => (draw.chance(0.5) ? draw.floats(channels) : draw.pick([null, undefined]));
  return [maybe(), activation, draw.uniform(), activation === 5 ? draw.floats(channels) : maybe()];
}

function broadcast(draw) {
  const sizes = Array.from({ length: draw.integer(0, 6) }, () => draw.integer(0, 4));
  const strides = () => {
    let extent = 1;
    const whole = sizes.map(() => 0);
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      whole[axis] = draw.chance(0.3) ? 0 : extent;
      if (whole[axis] > 0) extent *= Math.max(1, sizes[axis]);
    }
    // The last stride is 0 or 1 whatever the sizes.
    return { whole, extent };
  };
  const [a, b] = [strides(), strides()];
  return {
    shape: integers(draw, [...sizes, ...a.whole, ...b.whole]),
    a: draw.floats(a.extent),
    b: draw.floats(b.extent),
    size: sizes.reduce((product, size) => product * size, 1),
  };
}

/** A small network of square layers and its weights. */
function random(draw) {
  const [chains, event] = [draw.integer(0, 9), draw.integer(0, 70)];
  const firstChain = draw.pick([0, 5, 2 ** 32 - 10]);
  return [draw.word(), draw.word(), firstChain, draw.word(), chains, event, draw.floats(chains * event)];
}

function network(draw) {
  const images = draw.integer(0, 14);
  let side = draw.integer(1, 9);
  let channels = draw.integer(1, 3);
  const [first, colours] = [side, channels];
  const layers = [];
  for (let l = draw.integer(0, 2); l > 0; l--) {
    const kernel = draw.integer(1, 4);
    const layer = [kernel, draw.integer(1, 3), draw.integer(0, kernel - 1), draw.integer(1, 20)];
    const left = side + 2 * layer[2] - kernel;
    if (left < 0) continue;
    side = Math.floor(left / layer[1]) + 1;
    layers.push(layer);
  }
  layers.push([side, 1, 0, 1]);
  const weights = layers.flatMap(([kernel, , , out]) => {
    const inChannels = channels;
    channels = out;
    return [draw.floats(kernel * kernel * inChannels * out), draw.floats(out)];
  });
  const shape = integers(draw, [images, first, first, colours, ...layers.flat()]);
  const size = images * first * first * colours;
  return { head: [shape, draw.pick(ACTIVATIONS), draw.uniform(), precision(draw)], images, size, weights };
}

function parameterGradient(draw) {
  const { head, images, size, weights } = network(draw);
  return { args: [...head, draw.floats(size), draw.floats(images), ...weights], images, weights };
}

function shortRun(draw) {
  const { head, size, weights } = network(draw);
  const steps = draw.integer(1, 5);
  const kept = Array.from({ length: steps }, (_, step) => step + 1).filter(() => draw.chance(0.3));
  const clamps = draw.pick([
    [Infinity, -Infinity, Infinity],
    [0.1, -1, 1],
  ]);
  const randomness = [draw.word(), draw.word(), draw.integer(0, 1000)];
  const schedules = [draw.floats(steps), draw.floats(steps), integers(draw, kept)];
  const args = [...head, ...clamps, ...randomness, ...schedules, draw.floats(size), ...weights];
  return { args, size, steps, snapshots: kept.length };
}

function shortRunHmc(draw) {
  const { head, size, weights } = network(draw);
  const steps = draw.integer(1, 4);
  const kept = Array.from({ length: steps }, (_, step) => step + 1).filter(() => draw.chance(0.3));
  const metropolis = draw.integer(0, 1);
  const options = [draw.integer(1, 4), metropolis, draw.integer(0, 1), draw.pick([1, 0.01])];
  const fractions = [draw.pick([0, 0.3]), draw.pick([0, 0.6])];
  const randomness = [draw.word(), draw.word(), draw.integer(0, 1000)];
  const [, side, , colours] = head[0];
  const roots = draw.chance(0.5) ? draw.floats(side * side * colours, 0.1, 2) : draw.pick([null, undefined]);
  const schedules = [draw.floats(steps, 0, 0.5), roots, integers(draw, kept)];
  const args = [
    ...head,
    ...options,
    ...fractions,
    ...randomness,
    ...schedules,
    draw.floats(size),
    ...weights,
  ];
  return { args, size, steps, reports: metropolis + 3, snapshots: kept.length };
}
