/**
 * Weights and images drawn from a seed, the same numbers as in tools/goldens/metrics-inception/make.py, and the files
 * that such weights are published as.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { key, uniforms } from '@srmcmc/core';
import { serializeStateDict } from '@srmcmc/pth';
import { fromFloat32, type RawTensor } from '@srmcmc/safetensors';
import { CONVOLUTIONS } from '../../src/inception/convolutions.ts';
import { type InceptionWeights, loadInceptionWeights } from '../../src/index.ts';

export interface Values {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The network's state dict by pytorch-fid's names, filters [out, in, height, width]; the i-th drawn at step i. */
export function randomState(seed: number): Map<string, Values> {
  const state = new Map<string, Values>();
  const draw = (name: string, shape: readonly number[], map: (u: number) => number): void => {
    const size = shape.reduce((product, side) => product * side, 1);
    const values = uniforms(key(seed), 1, size, state.size);
    for (let i = 0; i < size; i++) values[i] = map(values[i]!);
    state.set(name, { shape, values });
  };
  const centred = (u: number): number => (u - 0.5) * 0.5;
  for (const { name, filterShape } of CONVOLUTIONS) {
    const [height, width, inputs, outputs] = filterShape;
    const bound = Math.sqrt(6 / (inputs * height * width));
    draw(`${name}.conv.weight`, [outputs, inputs, height, width], (u) => (2 * u - 1) * bound);
    draw(`${name}.bn.weight`, [outputs], (u) => 0.5 + u);
    draw(`${name}.bn.bias`, [outputs], centred);
    draw(`${name}.bn.running_mean`, [outputs], centred);
    draw(`${name}.bn.running_var`, [outputs], (u) => 0.5 + u);
  }
  draw('fc.weight', [1008, 2048], (u) => (2 * u - 1) * Math.sqrt(3 / 2048));
  draw('fc.bias', [1008], centred);
  return state;
}

/** The weights that the goldens are of, by way of a file in the folder. */
export async function randomWeights(folder: string): Promise<InceptionWeights> {
  const file = join(folder, 'random.pth');
  writeFileSync(file, serializeStateDict(rawTensors(randomState(2015))));
  return loadInceptionWeights(file);
}

/** [count, height, width, 3]: blocks of 8×8 pixels of one colour, and noise. */
export function randomImages(
  seed: number,
  count: number,
  height: number,
  width: number,
): { values: Uint8Array; shape: [number, number, number, number] } {
  const columns = Math.ceil(width / 8);
  const fine = uniforms(key(seed), count, height * width * 3, 0);
  const coarse = uniforms(key(seed), count, Math.ceil(height / 8) * columns * 3, 1);
  const values = new Uint8Array(fine.length);
  let at = 0;
  for (let image = 0; image < count; image++) {
    const block = (image * coarse.length) / count;
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < 3; c++, at++) {
          const colour = coarse[block + ((y >> 3) * columns + (x >> 3)) * 3 + c]!;
          values[at] = Math.floor(256 * (0.75 * colour + 0.25 * fine[at]!));
        }
  }
  return { values, shape: [count, height, width, 3] };
}

/** As the writers of .pth and .safetensors take them. */
export function rawTensors(state: ReadonlyMap<string, Values>): Map<string, RawTensor> {
  return new Map([...state].map(([name, { values, shape }]) => [name, fromFloat32(values, shape)]));
}

/** The same weights as TensorFlow's frozen graph has them: its names, filters [height, width, in, out], Const nodes. */
export function graphDef(state: ReadonlyMap<string, Values>): Uint8Array {
  const nodes: Uint8Array[] = [
    // What a graph has besides constants of floats.
    message([bytesField(1, 'DecodeJpeg'), bytesField(2, 'DecodeJpeg'), bytesField(3, 'DecodeJpeg/contents')]),
    constantNode('pool_3/_reshape/shape', message([varintField(1, 3), bytesField(4, new Uint8Array(8))])),
  ];
  const add = (name: string, shape: readonly number[], values: Float32Array): void => {
    const dimensions = shape.map((size) => bytesField(2, message([varintField(1, size)])));
    const content = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const tensor = message([varintField(1, 1), bytesField(2, message(dimensions)), bytesField(4, content)]);
    nodes.push(constantNode(name, tensor));
  };
  for (const { name, tensorflowName, filterShape } of CONVOLUTIONS) {
    const filter = state.get(`${name}.conv.weight`);
    if (filter === undefined) continue;
    add(`${tensorflowName}/conv2d_params`, filterShape, outputsLast(filter.values, filterShape));
    const parts = {
      gamma: 'weight',
      beta: 'bias',
      moving_mean: 'running_mean',
      moving_variance: 'running_var',
    };
    for (const [part, own] of Object.entries(parts)) {
      const { shape, values } = state.get(`${name}.bn.${own}`)!;
      add(`${tensorflowName}/batchnorm/${part}`, shape, values);
    }
  }
  const weight = state.get('fc.weight')!;
  add('softmax/weights', [2048, 1008], outputsLast(weight.values, [1, 1, 2048, 1008]));
  add('softmax/biases', [1008], state.get('fc.bias')!.values);
  return message(nodes.map((node) => bytesField(1, node)));
}

/** [out, in, height, width] to the shape [height, width, in, out]. */
export function outputsLast(values: Float32Array, shape: readonly number[]): Float32Array {
  const [height, width, inputs, outputs] = shape as [number, number, number, number];
  const out = new Float32Array(values.length);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          out[((y * width + x) * inputs + i) * outputs + o] =
            values[((o * inputs + i) * height + y) * width + x]!;
  return out;
}

function constantNode(name: string, tensor: Uint8Array): Uint8Array {
  const dtype = message([bytesField(1, 'dtype'), bytesField(2, message([varintField(6, 1)]))]);
  const value = message([bytesField(1, 'value'), bytesField(2, message([bytesField(8, tensor)]))]);
  return message([bytesField(1, name), bytesField(2, 'Const'), bytesField(5, dtype), bytesField(5, value)]);
}

/** The wire format of protobuf: a tag of field number and wire type, then a varint or a length and its bytes. */
export function message(fields: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(fields);
}

export function varintField(number: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(number * 8), ...varint(value)]);
}

export function bytesField(number: number, content: Uint8Array | string): Uint8Array {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([Uint8Array.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}
