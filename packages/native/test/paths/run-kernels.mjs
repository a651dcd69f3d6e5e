// Runs every kernel of the addon on fixed inputs and prints their outputs, so that instruction sets and numbers of
// threads can be compared. SRMCMC_ISA and SRMCMC_THREADS choose what is used.
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const addon = require('node-gyp-build')(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

let state = 1;
const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1;
const array = (length) => Float32Array.from({ length }, uniform);
const outputs = {};
const keep = (name, values) =>
  (outputs[name] = Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64'));
const product = (sizes) => sizes.reduce((a, b) => a * b, 1);

const PRECISIONS = [
  [0, ''],
  [1, ', bfloat16'],
];
// batch, in h, w, c, out h, w, c, filter h, w, strides, dilations, padding
const SHAPES = {
  'first layer': [13, 32, 32, 3, 32, 32, 24, 3, 3, 1, 1, 1, 1, 1, 1],
  'middle layer': [13, 16, 16, 24, 8, 8, 48, 4, 4, 2, 2, 1, 1, 1, 1],
  'odd sizes': [3, 11, 9, 17, 6, 4, 37, 3, 5, 2, 3, 1, 1, 1, 2],
  'last layer': [64, 4, 4, 96, 1, 1, 1, 4, 4, 1, 1, 1, 1, 0, 0],
  'two groups and a part': [37, 9, 7, 70, 9, 7, 33, 3, 5, 1, 1, 1, 1, 1, 2],
  'one image': [1, 20, 20, 40, 20, 20, 33, 3, 3, 1, 1, 1, 1, 1, 1],
};
for (const [name, values] of Object.entries(SHAPES)) {
  const shape = Int32Array.from(values);
  const [n, ih, iw, ic, oh, ow, oc, kh, kw] = values;
  const x = array(n * ih * iw * ic);
  const filter = array(kh * kw * ic * oc);
  const dy = array(n * oh * ow * oc);
  for (const [precision, suffix] of PRECISIONS) {
    for (const [activation, code] of Object.entries({
      linear: 0,
      relu6: 2,
      elu: 3,
      leakyrelu: 4,
      prelu: 5,
      sigmoid: 6,
    })) {
      const y = new Float32Array(dy.length);
      addon.conv2d(shape, x, filter, y, array(oc), code, 0.2, array(oc), precision);
      keep(`${name}, ${activation}${suffix}`, y);
    }
    const dx = new Float32Array(x.length);
    addon.conv2dInputGradient(shape, dy, filter, dx, precision);
    keep(`${name}, input gradient${suffix}`, dx);
    const dFilter = new Float32Array(filter.length);
    addon.conv2dFilterGradient(shape, x, dy, dFilter, precision);
    keep(`${name}, filter gradient${suffix}`, dFilter);
  }
}
for (const [batchA, batchB, m, k, n, ta, tb] of [
  [1, 1, 64, 300, 129, 0, 0],
  [3, 3, 17, 33, 9, 1, 1],
  [5, 1, 1, 70, 1, 0, 1],
  [1, 1, 203, 40, 50, 1, 1],
]) {
  const shape = Int32Array.of(batchA, batchB, m, k, n, ta, tb);
  const [a, b, bias] = [batchA * m * k, batchB * k * n, n].map(array);
  for (const [precision, suffix] of PRECISIONS) {
    const c = new Float32Array(Math.max(batchA, batchB) * m * n);
    addon.matMul(shape, a, b, c, bias, 1, 0, null, precision);
    keep(`matrix product ${shape}${suffix}`, c);
  }
}
const long = array(100_003).map((v) => 4 * v);
for (let op = 0; op < 18; op++) {
  const y = new Float32Array(long.length);
  const positive = op === 3 || op === 4 || op === 7;
  addon.unary(op, positive ? long.map(Math.abs) : long, y, -0.5, 0.5);
  keep(`unary ${op}`, y);
}
for (const [sizes, a, b] of [
  [[100_003], [1], [1]],
  [
    [5000, 7],
    [7, 1],
    [0, 1],
  ],
  [
    [20, 30, 11],
    [0, 11, 1],
    [1, 0, 0],
  ],
]) {
  const length = product(sizes);
  const left = array(length);
  const right = array(length).map((v) => v + 2);
  for (let op = 0; op < 16; op++) {
    const y = op < 10 ? new Float32Array(length) : new Uint8Array(length);
    const shape = Int32Array.of(...sizes, ...a, ...b);
    if (op < 10) addon.binary(op, shape, left, right, y, 0.2);
    else addon.compare(op, shape, left, right, y);
    keep(`binary ${op} ${sizes}`, Float32Array.from(y));
  }
}
for (const shape of [
  [1, 1_000_003, 1],
  [37, 501, 1],
  [1, 20_000, 33],
  [5, 3, 70],
])
  for (let op = 0; op < 3; op++) {
    const y = new Float32Array(shape[0] * shape[2]);
    // Shifted, so that a sum is not a small difference of large ones.
    const x = array(product(shape)).map((v) => v + 1);
    addon.reduce(op, Int32Array.from(shape), x, y, 0.25);
    keep(`reduction ${op} ${shape}`, y);
  }
for (const average of [0, 1]) {
  const y = new Float32Array(2 * 6 * 5 * 37);
  addon.pool(average, Int32Array.of(2, 12, 9, 37, 6, 5, 3, 3, 2, 2, 1, 1, 0, 1), array(2 * 12 * 9 * 37), y);
  keep(`pool ${average}`, y);
}
const resized = new Float32Array(3 * 40 * 30 * 3);
addon.resizeBilinear(Int32Array.of(3, 16, 50, 3, 40, 30, 0, 1), array(3 * 16 * 50 * 3), resized);
keep('resize', resized);
const joined = new Float32Array(100 * 48);
addon.concat(Int32Array.of(7, 41), joined, array(700), array(4100));
keep('concat', joined);
const condition = Uint8Array.from({ length: 1003 }, (_, i) => i % 3);
const chosen = new Float32Array(1003);
addon.select(condition, array(1003), array(1003), chosen);
keep('select', chosen);
const normals = new Float32Array(9 * 3073);
addon.normal(0xdeadbeef, 7, 0xfffffff0, 3, 9, 3073, normals);
keep('normals', normals);

// Chains, side, colours, channels, activation, slope; steps, drift, noise and snapshots are the same for all.
for (const [name, [chains, side, colours, channels, activation, slope]] of Object.entries({
  'short run': [13, 32, 3, [5, 8, 19, 33], 4, 0.2],
  'short run, few chains': [2, 12, 9, [1, 20], 1, 0],
  'short run, elu': [5, 16, 3, [7, 24], 3, 0],
  'short run, softplus': [5, 16, 3, [7, 24], 7, 0],
  'short run, swish': [7, 16, 3, [1, 24], 8, 0],
  'short run, gelu': [3, 20, 1, [17, 24], 9, 0],
  'short run, tanh': [6, 16, 3, [7, 40], 10, 0],
  'short run, points': [40, 1, 2, [33, 64], 8, 0],
})) {
  const layers = [...channels, 1].map((out, i, all) => {
    const into = all[i - 1] ?? colours;
    if (side === 1) return [1, 1, 0, out, into];
    if (i === 0) return [3, 1, 1, out, into];
    return i === channels.length ? [side / 2 ** (i - 1), 1, 0, out, into] : [4, 2, 1, out, into];
  });
  const weights = layers.flatMap(([kernel, , , out, into]) => [
    array(kernel * kernel * into * out).map((v) => v / Math.sqrt(kernel * kernel * into)),
    array(out),
  ]);
  const [steps, size] = [5, side * side * colours];
  const results = { '': chains * size, value: steps, 'gradient norm': steps, snapshot: chains * size };
  const arrays = Object.values(results).map((length) => new Float32Array(length));
  const shape = Int32Array.of(chains, side, side, colours, ...layers.flatMap((layer) => layer.slice(0, 4)));
  const coefficients = [array(steps).map(Math.abs), array(steps).map(Math.abs), Int32Array.of(2)];
  const x = array(chains * size);
  const network = [shape, activation, slope, 0];
  addon.shortRun(...network, 0.5, -2, 2, 1, 2, 3, ...coefficients, x, ...weights, ...arrays);
  Object.keys(results).forEach((result, i) => keep(`${name}, ${result}`, arrays[i]));
  const [value, gradient] = [new Float32Array(chains), new Float32Array(chains * size)];
  addon.valueAndGradient(...network, x, ...weights, value, gradient);
  keep(`${name}, value of each`, value);
  keep(`${name}, gradient`, gradient);
}

console.log(JSON.stringify({ instructionSet: addon.instructionSet, threads: addon.threads(), outputs }));
