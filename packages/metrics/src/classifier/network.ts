/** A classifier's network: convolutions with ReLUs, a mean over places, and a linear layer. */
import * as tf from '@tensorflow/tfjs-core';
import { elements, type Key, normals, split } from '@srmcmc/core';

export interface ClassifierNetwork {
  /** Of the images it takes: [height, width, channels]. */
  readonly imageShape: readonly number[];
  /** Odd sizes of filters, strides where others pool, and output channels. Those of the last are the features. */
  readonly convolutions: readonly (readonly [size: number, stride: number, channels: number])[];
  readonly classes: number;
}

/** 14 million multiplications an image, 280,922 parameters. */
export const CIFAR10_NETWORK: ClassifierNetwork = {
  imageShape: [32, 32, 3],
  convolutions: [
    [5, 2, 32],
    [3, 1, 48],
    [3, 2, 96],
    [3, 1, 96],
    [3, 2, 160],
  ],
  classes: 10,
};

/** Filters [height, width, in, out] and biases: `conv1.weight`, `conv1.bias`, ..., and `linear.weight` [in, out], `linear.bias`. */
export type ClassifierTensors = Readonly<Record<string, tf.Tensor>>;

/** Names and shapes of all parameters, in the order of the network. */
export function parameterShapes({
  imageShape,
  convolutions,
  classes,
}: ClassifierNetwork): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  let inputs = imageShape.at(-1)!;
  convolutions.forEach(([size, , channels], i) => {
    shapes.set(`conv${i + 1}.weight`, [size, size, inputs, channels]);
    shapes.set(`conv${i + 1}.bias`, [channels]);
    inputs = channels;
  });
  shapes.set('linear.weight', [inputs, classes]);
  shapes.set('linear.bias', [classes]);
  return shapes;
}

/** He et al. 2015: normal, of variance 2 / inputs for a layer that a ReLU follows, 1 / inputs for the last; biases 0. */
export function initialParameters(network: ClassifierNetwork, key: Key): Map<string, Float32Array> {
  const shapes = [...parameterShapes(network)];
  const keys = split(key, shapes.length);
  return new Map(
    shapes.map(([name, shape], i) => {
      if (name.endsWith('.bias')) return [name, new Float32Array(elements(shape))] as const;
      const scale = Math.sqrt((name.startsWith('linear') ? 1 : 2) / elements(shape.slice(0, -1)));
      return [name, normals(keys[i]!, 1, elements(shape)).map((z) => scale * z)] as const;
    }),
  );
}

/** Bytes to about −2 to 2: mean and deviation of CIFAR-10's are 121 and 64. */
const CENTRE = 120;
const SCALE = 64;

/** Images [n, ...imageShape] from 0 to 255 to features [n, channels of the last convolution] and logits [n, classes]. Borrows. */
export function forward(
  { convolutions }: ClassifierNetwork,
  tensors: ClassifierTensors,
  images: tf.Tensor4D,
): { features: tf.Tensor2D; logits: tf.Tensor2D } {
  let x = tf.div<tf.Tensor4D>(tf.sub(images, CENTRE), SCALE);
  convolutions.forEach(([, stride], i) => {
    const filter = tensors[`conv${i + 1}.weight`] as tf.Tensor4D;
    x = tf.relu(tf.add<tf.Tensor4D>(tf.conv2d(x, filter, stride, 'same'), tensors[`conv${i + 1}.bias`]!));
  });
  const features = tf.mean<tf.Tensor2D>(x, [1, 2]);
  const product = tf.matMul(features, tensors['linear.weight'] as tf.Tensor2D);
  return { features, logits: tf.add<tf.Tensor2D>(product, tensors['linear.bias']!) };
}
