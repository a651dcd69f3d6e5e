/** Features of images by Inception-v3, as FID reads them: resizing, the network, the spatial mean. */
import { foldIn, key, uniforms } from '@srmcmc/core';
import {
  INCEPTION_CONVOLUTIONS,
  type InceptionConvolution,
  type InceptionFeature,
  inceptionV3,
  loadInceptionWeights,
} from '@srmcmc/metrics';
import { fromFloat32, parse, type RawTensor, toFloat32 } from '@srmcmc/safetensors';
import { writeFileAtomic } from '@srmcmc/safetensors/node';
import { readFile } from 'node:fs/promises';
import { type Case, CHECK_IMAGES, type Precision } from '../protocol.ts';
import type { NamedWorkload, Prepared } from './workload.ts';

export const inception: NamedWorkload = {
  name: 'inception',
  unit: 'image',
  description: "an image's features by Inception-v3: resizing, the network, the spatial mean",
};

/** CIFAR-10's, before they are resized. */
const SIDE = 32;
const COLOURS = 3;
const BYTES = 256;

/** The cases for batches of these sizes, of the deepest feature that a file of weights gives, or of the whole network. */
export async function inceptionCases(batches: readonly number[], weights?: string): Promise<Case[]> {
  const features = weights === undefined ? [2048] : (await loadInceptionWeights(weights)).features;
  const width = features.filter((feature) => typeof feature === 'number').at(-1)!;
  return batches.map((chains) => ({ workload: 'inception', side: SIDE, width, chains }));
}

/** Floating-point operations of one image up to a feature; a multiply-add is two. */
export function inceptionOperations({ width }: Case): number {
  return convolutionsTo(width).reduce(
    (sum, { filterShape, outSide }) => sum + 2 * outSide ** 2 * filterShape.reduce((a, b) => a * b),
    0,
  );
}

function convolutionsTo(feature: number): InceptionConvolution[] {
  return INCEPTION_CONVOLUTIONS.filter((convolution) => convolution.feature <= feature);
}

/**
 * Writes the network by pytorch-fid's names, batch norm folded, filters [out, in, height, width], and `images`
 * [8, 32, 32, 3], whole numbers from 0 to 255. Weights are those of the file, or random by He's rule (2015, eq. 10).
 */
export async function writeInceptionInputs(path: string, feature: number, weights?: string): Promise<void> {
  const given = weights === undefined ? undefined : await loadInceptionWeights(weights);
  const tensors: [string, RawTensor][] = [];
  const draw = (size: number): Float32Array => uniforms(foldIn(key(2), tensors.length), 1, size);
  for (const { name, filterShape } of convolutionsTo(feature)) {
    const [height, width, inputs, outputs] = filterShape;
    const size = height * width * inputs * outputs;
    const bound = Math.sqrt(6 / (height * width * inputs));
    const { weight, bias } = given?.convolutions.get(name) ?? {
      weight: draw(size).map((u) => (2 * u - 1) * bound),
      bias: new Float32Array(outputs),
    };
    const turned = Float32Array.from(weight, (_, i) => {
      const tap = i % (height * width);
      const input = Math.floor(i / (height * width)) % inputs;
      const output = Math.floor(i / (height * width * inputs));
      return weight[(tap * inputs + input) * outputs + output]!;
    });
    tensors.push([`${name}.conv.weight`, fromFloat32(turned, [outputs, inputs, height, width])]);
    tensors.push([`${name}.conv.bias`, fromFloat32(bias, [outputs])]);
  }
  const images = draw(CHECK_IMAGES * SIDE * SIDE * COLOURS).map((u) => Math.floor(BYTES * u));
  tensors.push(['images', fromFloat32(images, [CHECK_IMAGES, SIDE, SIDE, COLOURS])]);
  await writeFileAtomic(path, { tensors });
}

/** On the active backend of TensorFlow.js. In bfloat16 it is the mixed precision that an evaluation may take. */
export async function prepareInception(
  { chains, width }: Case,
  inputs: string,
  engine: Precision,
): Promise<Prepared> {
  const feature = width as InceptionFeature;
  const weights = await loadInceptionWeights(inputs);
  const network = inceptionV3(weights, {
    features: [feature],
    preprocessing: 'pytorch-fid',
    precision: engine === 'bfloat16' ? 'mixed' : 'float32',
  });
  const few = toFloat32(parse(await readFile(inputs)).tensors.get('images')!);
  const size = SIDE * SIDE * COLOURS;
  const features = async (count: number): Promise<Float32Array> => {
    const values = Uint8Array.from({ length: count * size }, (_, i) => few[i % few.length]!);
    const { [feature]: tensor } = network.features({ values, shape: [count, SIDE, SIDE, COLOURS] });
    const read = (await tensor!.data()) as Float32Array;
    tensor!.dispose();
    return read;
  };
  return {
    run: async () => void (await features(chains)),
    check: async (count) => ({ values: Float32Array.from(await features(count)), parts: count }),
    dispose: () => network.dispose(),
  };
}
