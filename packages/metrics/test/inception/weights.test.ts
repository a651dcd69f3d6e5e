import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { selectBackend } from '@srmcmc/backends';
import { serializeStateDict } from '@srmcmc/pth';
import { serialize } from '@srmcmc/safetensors';
import { beforeAll, describe, expect, test } from 'vitest';
import { relativeError } from '../../../../tools/goldens/golden.ts';
import {
  describeWeights,
  type InceptionWeights,
  inceptionExtractor,
  inceptionV3,
  loadInceptionWeights,
} from '../../src/index.ts';
import { graphConstants } from '../../src/inception/graph-def.ts';
import {
  bytesField,
  graphDef,
  message,
  outputsLast,
  randomImages,
  randomState,
  rawTensors,
  type Values,
  varintField,
} from './random.ts';
import { temporaryFolder } from './temporary.ts';

const SLOWEST_MS = 120_000;
const folder = temporaryFolder();
const state = randomState(7);
const at = (name: string): string => join(folder, name);
let pth: InceptionWeights;

beforeAll(async () => {
  await selectBackend('auto');
  writeFileSync(at('weights.pth'), serializeStateDict(rawTensors(state)));
  pth = await loadInceptionWeights(at('weights.pth'));
}, SLOWEST_MS);

/** Batch norm folded into the filters, [out, in, height, width], as the formula has it. */
function folded(): Map<string, Values> {
  const result = new Map<string, Values>([...state].filter(([name]) => name.startsWith('fc.')));
  for (const [name, filter] of state) {
    if (!name.endsWith('.conv.weight')) continue;
    const layer = name.slice(0, -'.conv.weight'.length);
    const part = (own: string): Float32Array => state.get(`${layer}.bn.${own}`)!.values;
    const [scale, shift, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(part);
    const perOutput = filter.values.length / filter.shape[0]!;
    const factor = (o: number): number => scale![o]! / Math.sqrt(variance![o]! + 0.001);
    const values = filter.values.map((w, i) => w * factor(Math.floor(i / perOutput)));
    result.set(name, { shape: filter.shape, values });
    result.set(`${layer}.conv.bias`, {
      shape: shift!.length > 0 ? [shift!.length] : [],
      values: shift!.map((b, o) => b - mean![o]! * factor(o)),
    });
  }
  return result;
}

/** The same state without what does not pass `keep`. */
function filtered(keep: (name: string) => boolean): Map<string, Values> {
  return new Map([...state].filter(([name]) => keep(name)));
}

function expectSameNetwork(actual: InceptionWeights, tolerance: number): void {
  expect(actual.missing).toEqual([]);
  expect([...actual.convolutions.keys()]).toEqual([...pth.convolutions.keys()]);
  for (const [name, { weight, bias, shape }] of [...pth.convolutions, ['fc', pth.classifier!] as const]) {
    const other = name === 'fc' ? actual.classifier! : actual.convolutions.get(name)!;
    expect(other.shape, name).toEqual(shape);
    expect(relativeError(other.weight, weight), name).toBeLessThanOrEqual(tolerance);
    expect(relativeError(other.bias, bias), name).toBeLessThanOrEqual(tolerance);
  }
}

async function features(weights: InceptionWeights): Promise<Float32Array> {
  const inception = inceptionV3(weights, { features: [768] });
  const values = await inceptionExtractor(inception, 768).features(randomImages(4, 1, 32, 32));
  inception.dispose();
  return values as Float32Array;
}

describe('the same weights from each kind of file', () => {
  test('the frozen TensorFlow graph gives the very numbers of the .pth, and so its features', async () => {
    writeFileSync(at('classify_image_graph_def.pb'), graphDef(state));
    const weights = await loadInceptionWeights(at('classify_image_graph_def.pb'));
    expectSameNetwork(weights, 0);
    expect(await features(weights)).toEqual(await features(pth));
  });

  test('safetensors with batch norm folded already gives the same to rounding, and so its features', async () => {
    writeFileSync(at('folded.safetensors'), serialize({ tensors: rawTensors(folded()) }));
    const weights = await loadInceptionWeights(at('folded.safetensors'));
    expectSameNetwork(weights, 2e-7);
    expect(relativeError(await features(weights), await features(pth))).toBeLessThan(1e-5);
  });

  test('a folder stands for the file of weights in it', async () => {
    mkdirSync(at('cache'));
    const file = join(at('cache'), 'pt_inception-2015-12-05-6726825d.pth');
    writeFileSync(file, readFileSync(at('weights.pth')));
    const weights = await loadInceptionWeights(at('cache'));
    expect(weights.file).toBe(file);
    expect(weights.sha256).toBe(createHash('sha256').update(readFileSync(file)).digest('hex'));
  });

  test('folding makes a convolution and its batch norm one: their formula on one channel', () => {
    const { weight, bias } = pth.convolutions.get('Mixed_5b.branch5x5_2')!;
    const part = (own: string): Float32Array => state.get(`Mixed_5b.branch5x5_2.${own}`)!.values;
    const filter = outputsLast(part('conv.weight'), [5, 5, 48, 64]);
    const o = 11;
    const factor = part('bn.weight')[o]! / Math.sqrt(part('bn.running_var')[o]! + 0.001);
    expect(weight[3 * 64 + o]).toBeCloseTo(filter[3 * 64 + o]! * factor, 6);
    expect(bias[o]).toBeCloseTo(part('bn.bias')[o]! - part('bn.running_mean')[o]! * factor, 6);
  });
});

describe('weights that end early', () => {
  let truncated: InceptionWeights;
  beforeAll(async () => {
    const kept = filtered((name) => !/^(Mixed_7|fc)/.test(name));
    writeFileSync(at('to-mixed-6e.pth'), serializeStateDict(rawTensors(kept)));
    truncated = await loadInceptionWeights(at('to-mixed-6e.pth'));
  }, SLOWEST_MS);

  test('give the features up to there, and say that they are those of another FID', () => {
    expect(truncated.features).toEqual([64, 192, 768]);
    expect(describeWeights(truncated)).toMatch(
      /without Mixed_7a.branch3x3_1 .*FID-768, which does not compare/,
    );
    expect(describeWeights(pth)).not.toContain('without');
    const inception = inceptionV3(truncated);
    expect(inception.wanted).toEqual([768]);
    inception.dispose();
  });

  test('refuse features beyond, naming what is missing', () => {
    for (const feature of [2048, 'logits'] as const) {
      expect(() => inceptionV3(truncated, { features: [feature] })).toThrow(
        expect.objectContaining({
          code: 'MISSING_WEIGHTS',
          message: expect.stringMatching(
            /Mixed_7a.branch3x3_1, which .*to-mixed-6e.pth lacks along with 24 more layers.*64, 192, 768/,
          ),
        }),
      );
    }
  });

  test('that lack a layer in the middle give the features before it', async () => {
    const kept = filtered((name) => !name.startsWith('Mixed_6c.branch1x1'));
    writeFileSync(at('gap.pth'), serializeStateDict(rawTensors(kept)));
    const weights = await loadInceptionWeights(at('gap.pth'));
    expect(weights.features).toEqual([64, 192]);
    expect(weights.missing).toEqual(['Mixed_6c.branch1x1']);
  });

  test('that lack the first layers are refused', async () => {
    const kept = filtered((name) => name.startsWith('Mixed_7'));
    writeFileSync(at('tail.pth'), serializeStateDict(rawTensors(kept)));
    await expect(loadInceptionWeights(at('tail.pth'))).rejects.toMatchObject({ code: 'MISSING_WEIGHTS' });
  });
});

describe('files that are refused', () => {
  const write = (name: string, bytes: Uint8Array): string => {
    writeFileSync(at(name), bytes);
    return at(name);
  };
  /** The state with one tensor replaced. */
  const replaced = (name: string, shape: readonly number[], value: number): Uint8Array => {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(value);
    return serializeStateDict(rawTensors(new Map([...state, [name, { shape, values }]])));
  };

  test('another SHA-256 than the one asked for: both are named', async () => {
    const sha256 = '0'.repeat(64);
    await expect(loadInceptionWeights(at('weights.pth'), { sha256 })).rejects.toMatchObject({
      code: 'WEIGHTS_HASH',
      expected: sha256,
      actual: pth.sha256,
    });
    const again = await loadInceptionWeights(at('weights.pth'), { sha256: pth.sha256.toUpperCase() });
    expect(again.sha256).toBe(pth.sha256);
  });

  test.each([
    ['.pth', () => readFileSync(at('weights.pth'))],
    ['.safetensors', () => Buffer.from(serialize({ tensors: rawTensors(state) }))],
    ['.pb', () => graphDef(state)],
  ])('a truncated %s', async (extension, bytes) => {
    const whole = bytes();
    const file = write(`truncated${extension}`, whole.subarray(0, Math.floor(whole.length * 0.6)));
    const refused = expect.objectContaining({
      code: 'CORRUPT_WEIGHTS',
      message: expect.stringContaining(file),
    });
    await expect(loadInceptionWeights(file)).rejects.toEqual(refused);
  });

  test('the weights of another network: the tensor and both shapes are named', async () => {
    const file = write('imagenet.pth', replaced('fc.weight', [1000, 2048], 0));
    await expect(loadInceptionWeights(file)).rejects.toMatchObject({
      code: 'CORRUPT_WEIGHTS',
      message: expect.stringMatching(/fc.weight has the shape \[2048, 1000\] .* \[2048, 1008\]/),
    });
  });

  test('a filter with too few axes, one with half a batch norm, and one that is not finite', async () => {
    const flat = write('flat.pth', replaced('Conv2d_1a_3x3.conv.weight', [864], 0));
    await expect(loadInceptionWeights(flat)).rejects.toMatchObject({ code: 'CORRUPT_WEIGHTS' });
    const kept = filtered((name) => name !== 'Conv2d_2a_3x3.bn.running_mean');
    const half = write('half.pth', serializeStateDict(rawTensors(kept)));
    await expect(loadInceptionWeights(half)).rejects.toThrow(/Conv2d_2a_3x3 has a filter, but neither/);
    const nan = write('nan.pth', replaced('Mixed_5b.branch1x1.bn.bias', [64], NaN));
    await expect(loadInceptionWeights(nan)).rejects.toThrow(
      /Mixed_5b.branch1x1.bn.bias has values that are not/,
    );
  });

  test('something else entirely, a file that is not there, and a folder without one', async () => {
    const text = write('readme.txt', Buffer.from('Inception'));
    await expect(loadInceptionWeights(text)).rejects.toMatchObject({ code: 'CORRUPT_WEIGHTS' });
    await expect(loadInceptionWeights(at('nowhere.pth'))).rejects.toMatchObject({ code: 'MISSING_WEIGHTS' });
    mkdirSync(at('empty'));
    await expect(loadInceptionWeights(at('empty'))).rejects.toMatchObject({
      code: 'MISSING_WEIGHTS',
      message: expect.stringContaining('classify_image_graph_def.pb'),
    });
  });
});

describe('constants of a TensorFlow graph', () => {
  const constant = (tensor: Uint8Array): Uint8Array =>
    message([
      bytesField(1, 'c'),
      bytesField(2, 'Const'),
      bytesField(5, message([bytesField(1, 'value'), bytesField(2, message([bytesField(8, tensor)]))])),
    ]);
  const shape = (...sizes: number[]): Uint8Array =>
    bytesField(2, message(sizes.map((size) => bytesField(2, message([varintField(1, size)])))));
  const listed = (...values: number[]): Uint8Array =>
    bytesField(5, new Uint8Array(Float32Array.from(values).buffer));
  const read = (...fields: Uint8Array[]) =>
    graphConstants(message([bytesField(1, constant(message([varintField(1, 1), ...fields])))])).get('c');

  test('may be lists of values, whose last one is repeated', () => {
    expect(read(shape(2, 2), listed(1, 2))).toEqual({ shape: [2, 2], values: Float32Array.of(1, 2, 2, 2) });
    expect(read(shape(), listed(3))).toEqual({ shape: [], values: Float32Array.of(3) });
  });

  test('that do not have as many values as their shape are refused', () => {
    expect(() => read(shape(2), listed(1, 2, 3))).toThrow(/'c' .* has 3 values for the shape \[2\]/);
    expect(() => read(shape(3), bytesField(4, new Uint8Array(8)))).toThrow(/has 2 values/);
    expect(() => read(shape(2 ** 40), listed(1))).toThrow(/has 1 values/);
  });
});
