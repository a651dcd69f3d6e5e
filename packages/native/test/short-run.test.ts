/** The fused sampler held against the same steps made of tfjs operators and automatic differentiation. */

import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';

import { loadAddon } from '../src/addon.ts';
import { BACKEND_NAME, nativeStatus, setThreads } from '../src/index.ts';
import { array, integer, pick, random, relativeError } from './setup.ts';

const loaded = loadAddon();
if (!('addon' in loaded)) throw new Error(loaded.reason);
const { addon } = loaded;
const { threads } = nativeStatus();

beforeAll(() => void tf.setBackend(BACKEND_NAME));
afterEach(() => setThreads(threads!));

interface Layer {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly inChannels: number;
  readonly outChannels: number;
}
interface Network {
  readonly kind: 'conv';
  readonly imageShape: readonly [number, number, number];
  readonly layers: readonly Layer[];
  readonly activation: { readonly name: 'relu' | 'leakyRelu'; readonly slope?: number };
}
interface Run {
  readonly network: Network;
  readonly weights: readonly tf.Tensor[];
  readonly steps: number;
  readonly drift: readonly number[];
  readonly noise: readonly number[];
  readonly clampGradient: number;
  readonly clampSample: readonly [number, number];
  readonly key: readonly number[];
  readonly firstChain: number;
}
type Result = readonly [x: Float32Array, value: Float32Array, gradientNorm: Float32Array];

const LEAKY = { name: 'leakyRelu', slope: 0.2 } as const;

function networkOf(
  imageShape: readonly [number, number, number],
  channels: readonly number[],
  activation: Network['activation'] = LEAKY,
): Network {
  const [side, , colours] = imageShape;
  const layers = [...channels, 1].map((outChannels, i): Layer => {
    const inChannels = channels[i - 1] ?? colours;
    if (i === 0) return { kernel: 3, stride: 1, padding: 1, inChannels, outChannels };
    if (i < channels.length) return { kernel: 4, stride: 2, padding: 1, inChannels, outChannels };
    return { kernel: side / 2 ** (i - 1), stride: 1, padding: 0, inChannels, outChannels };
  });
  return { kind: 'conv', imageShape, layers, activation };
}

/** Weights for which f' is of order 1 / steps, so that the chains move but do not run away. */
function weightsOf({ layers }: Network, seed: number): tf.Tensor[] {
  const next = random(seed);
  return layers.flatMap(({ kernel, inChannels, outChannels }) => {
    const shape = [kernel, kernel, inChannels, outChannels];
    const bound = Math.sqrt(3 / (kernel * kernel * inChannels));
    return [
      tf.tensor(array(next, tf.util.sizeFromShape(shape), -bound, bound), shape),
      tf.tensor(array(next, outChannels, -0.1, 0.1)),
    ];
  });
}

function runOf(network: Network, steps: number, changes: Partial<Run> = {}): Run {
  return {
    network,
    weights: weightsOf(network, 3),
    steps,
    drift: Array.from({ length: steps }, () => 1),
    noise: Array.from({ length: steps }, () => 0.01),
    clampGradient: Infinity,
    clampSample: [-Infinity, Infinity],
    key: [17, 0xfedcba98],
    firstChain: 5,
    ...changes,
  };
}

function startOf({ imageShape }: Network, chains: number): tf.Tensor {
  return tf.tensor(array(random(4), chains * tf.util.sizeFromShape([...imageShape])), [
    chains,
    ...imageShape,
  ]);
}

/** The three outputs; the tensors are disposed of. */
function fused({ weights, ...attributes }: Run, x: tf.Tensor): Result {
  const inputs = { x, ...Object.fromEntries(weights.map((weight, i) => [`weight${i}`, weight])) };
  return tf.tidy(() =>
    (
      tf
        .engine()
        .runKernel(
          'ShortRunLangevin',
          inputs,
          attributes as object as tf.NamedAttrMap,
        ) as unknown as tf.Tensor[]
    ).map((tensor) => Float32Array.from(tensor.dataSync())),
  ) as unknown as Result;
}

function reference(run: Run, start: tf.Tensor): Result {
  const { network, weights, clampGradient, clampSample, key, firstChain } = run;
  const f = (x: tf.Tensor): tf.Tensor =>
    network.layers.reduce((input, { stride, padding }, i) => {
      const sum = tf.add(
        tf.conv2d(input as tf.Tensor4D, weights[2 * i] as tf.Tensor4D, stride, padding),
        weights[2 * i + 1]!,
      );
      if (i === network.layers.length - 1) return sum;
      const { name, slope } = network.activation;
      return name === 'relu' ? tf.relu(sum) : tf.leakyRelu(sum, slope);
    }, x);
  const chains = start.shape[0]!;
  return tf.tidy(() => {
    let x = start;
    const values: number[] = [];
    const norms: number[] = [];
    for (let step = 0; step < run.steps; step++) {
      const { value, grad } = tf.valueAndGrad(f)(x, tf.ones([chains, 1, 1, 1]));
      values.push(tf.mean(value).dataSync()[0]!);
      norms.push(tf.mean(tf.norm(tf.reshape(grad, [chains, -1]), 2, 1)).dataSync()[0]!);
      x = tf.add(x, tf.mul(tf.clipByValue(grad, -clampGradient, clampGradient), run.drift[step]!));
      if (key.length > 0) {
        const z = tf
          .engine()
          .runKernel('PhiloxNormal', {}, { shape: x.shape, key: [...key], firstChain, step }) as tf.Tensor;
        x = tf.add(x, tf.mul(z, run.noise[step]!));
      }
      x = tf.clipByValue(x, ...clampSample);
    }
    return [Float32Array.from(x.dataSync()), Float32Array.from(values), Float32Array.from(norms)] as const;
  }) as unknown as Result;
}

function expectSame(run: Run, chains: number): void {
  const start = startOf(run.network, chains);
  const actual = fused(run, start);
  const expected = reference(run, start);
  ['x', 'value', 'gradient norm'].forEach((what, i) =>
    expect(relativeError(actual[i]!, expected[i]!), `${what} of ${chains}`).toBeLessThan(1e-4),
  );
  tf.dispose([start, ...run.weights]);
}

describe('20 steps equal the loop of single operators to 1e-4, trace included', () => {
  const relu = { name: 'relu' } as const;
  const steep = { name: 'leakyRelu', slope: 0.05 } as const;
  test.each<[string, Network, number[]]>([
    ["the paper's 32 px net", networkOf([32, 32, 3], [8, 16, 32, 64]), [1, 5, 7, 19]],
    ['a 64 px net', networkOf([64, 64, 3], [4, 8, 16, 32, 32]), [2, 7]],
    ['28 px in grey with odd channels', networkOf([28, 28, 1], [5, 7, 9]), [1, 6, 11]],
    ['channels of one', networkOf([8, 8, 1], [1, 3, 1]), [3, 8]],
    ['images of many channels', networkOf([12, 12, 17], [18, 33, 6]), [2, 13]],
    ['relu', networkOf([16, 16, 3], [6, 10], relu), [1, 9]],
    ['leakyRelu of another slope', networkOf([16, 16, 3], [16, 32], steep), [4, 24]],
  ])('%s', (_, network, batches) => {
    for (const chains of batches) expectSame(runOf(network, 20), chains);
    expectSame(runOf(network, 20, { key: [] }), batches[0]!);
  });

  test('schedules of drift and noise, and both clamps', () => {
    const network = networkOf([16, 16, 3], [8, 16]);
    const drift = Array.from({ length: 20 }, (_, t) => 2 - t / 10);
    const noise = Array.from({ length: 20 }, (_, t) => (t % 3) / 50);
    const run = runOf(network, 20, { drift, noise, clampGradient: 0.03, clampSample: [-0.9, 0.5] });
    expectSame(run, 7);
    // The bounds are felt: without them the chains end elsewhere.
    const again = { ...run, weights: weightsOf(network, 3) };
    const start = startOf(network, 7);
    const [bounded] = fused(again, start);
    expect(Math.max(...bounded)).toBe(0.5);
    const [steep] = fused({ ...again, clampGradient: Infinity }, start);
    expect(relativeError(steep, bounded)).toBeGreaterThan(1e-3);
    tf.dispose([start, ...again.weights]);
  });
});

describe('a chain is the same, bit for bit', () => {
  const network = networkOf([16, 16, 3], [8, 16, 24]);
  const run = runOf(network, 10);
  const size = 16 * 16 * 3;

  test('alone and in any batch', () => {
    const start = startOf(network, 19);
    const [together] = fused(run, start);
    for (const [first, count] of [
      [0, 1],
      [18, 1],
      [3, 2],
      [5, 7],
      [2, 13],
    ] as const) {
      const part = tf.slice(start, first, count);
      const [some] = fused({ ...run, firstChain: run.firstChain + first }, part);
      expect(some, `${count} from ${first}`).toEqual(together.slice(first * size, (first + count) * size));
    }
  });

  test.each([1, 4, 7, 19])('for %i chains on 1, 2 and 3 threads, trace included', (chains) => {
    const start = startOf(network, chains);
    setThreads(1);
    const one = fused(run, start);
    for (const count of [2, 3]) {
      setThreads(count);
      expect(fused(run, start)).toEqual(one);
    }
  });
});

test('the input is left as it was, no tensor stays behind and memory is flat', () => {
  const run = runOf(networkOf([16, 16, 3], [8, 16]), 2);
  const start = startOf(run.network, 12);
  const before = Float32Array.from(start.dataSync());
  const once = (): void => void fused(run, start);
  for (let i = 0; i < 100; i++) once();
  const { numTensors } = tf.memory();
  const { rss } = process.memoryUsage();
  for (let i = 0; i < 300; i++) once();
  expect(tf.memory().numTensors).toBe(numTensors);
  // A thread's working space alone is 400 kB a run: 120 MB would be lost.
  expect(process.memoryUsage().rss - rss).toBeLessThan(64 * 2 ** 20);
  expect(Float32Array.from(start.dataSync())).toEqual(before);
});

describe('what cannot be run is refused with a TypeError', () => {
  const run = runOf(networkOf([8, 8, 3], [4, 6]), 3);
  const { network } = run;

  test.each<[string, object]>([
    ['a network of another kind', { network: { ...network, kind: 'mlp' } }],
    ['no network', { network: undefined }],
    ['another activation', { network: { ...network, activation: { name: 'tanh' } } }],
    ['leakyRelu without a slope', { network: { ...network, activation: { name: 'leakyRelu' } } }],
    ['another image shape', { network: { ...network, imageShape: [8, 8, 4] } }],
    [
      'a network that does not end in one number',
      { network: { ...network, layers: network.layers.slice(0, 2) } },
    ],
    ['more layers than weights', { network: { ...network, layers: [...network.layers, network.layers[2]] } }],
    ['a schedule of another length', { drift: [1, 1] }],
    ['no steps', { steps: 0, drift: [], noise: [] }],
    ['half a key', { key: [1] }],
    ['a key beyond 32 bits', { key: [1, 2 ** 32] }],
    ['chains beyond 32 bits', { firstChain: 2 ** 32 - 1 }],
    ['weights of another shape', { weights: [...run.weights].reverse() }],
    ['missing weights', { weights: run.weights.slice(1) }],
    ['whole-number weights', { weights: run.weights.map((weight) => tf.cast(weight, 'int32')) }],
  ])('%s', (_, changes) => {
    const start = startOf(network, 2);
    const before = tf.memory().numTensors;
    expect(() => fused({ ...run, ...changes }, start)).toThrow(TypeError);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('positions of another dtype', () => {
    const start = tf.ones([2, 8, 8, 3], 'int32');
    expect(() => fused(run, start)).toThrow(TypeError);
  });

  test('any geometry: it runs inside its buffers or is refused', () => {
    const next = random(31);
    let ran = 0;
    for (let i = 0; i < 4000; i++) {
      const chains = integer(next, 0, 7);
      const steps = integer(next, 1, 2);
      const [height, width, channels] = [integer(next, 1, 9), integer(next, 1, 9), integer(next, 1, 3)];
      const layers = Array.from({ length: integer(next, 0, 2) }, () => [
        integer(next, 1, 4),
        integer(next, 1, 3),
        integer(next, 0, 2),
        integer(next, 1, 20),
      ]);
      // The last layer's kernel covers what is left, where that is square.
      let [h, w] = [height, width];
      for (const [kernel, stride, padding] of layers as [number, number, number][])
        [h, w] = [h, w].map((side) => Math.floor((side + 2 * padding - kernel) / stride) + 1) as [
          number,
          number,
        ];
      layers.push([Math.max(1, pick(next, [h, w])), 1, 0, 1]);
      const shape = Int32Array.of(chains, height, width, channels, steps, ...layers.flat());
      const guards: Float32Array[] = [];
      const guarded = (length: number): Float32Array => {
        const whole = new Float32Array(length + 32).fill(7);
        guards.push(whole);
        return whole.subarray(16, 16 + length).fill(0.1);
      };
      let inChannels = channels;
      const weights = layers.flatMap(([kernel = 1, , , out = 1]) => {
        const pair = [guarded(kernel * kernel * inChannels * out), guarded(out)];
        inChannels = out;
        return pair;
      });
      const positions = chains * height * width * channels;
      const arrays = [steps, steps, positions, positions, steps, steps].map(guarded);
      const [drift, noise, ...rest] = arrays as [Float32Array, Float32Array, ...Float32Array[]];
      try {
        addon.shortRun(shape, 0.2, Infinity, -1, 1, 1, 2, 3, drift, noise, ...rest, ...weights);
        ran++;
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
      for (const whole of guards) {
        expect(whole.subarray(0, 16).every((v) => v === 7)).toBe(true);
        expect(whole.subarray(-16).every((v) => v === 7)).toBe(true);
      }
    }
    expect(ran).toBeGreaterThan(500);
  });
});
