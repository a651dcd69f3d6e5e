/** How a filter bank's responses go together: second moments of their positive and negative parts. */
import * as tf from '@tensorflow/tfjs-core';
import { requireEvents } from '@srmcmc/core';
import type { Features } from './features.ts';
import { centreOf, filterBank, type FilterBank, type FilterBankOptions } from './filter-bank.ts';

/**
 * h(x): for every two rectified responses a, b of a position, the mean of a · b over the positions, a and b from max(r, 0)
 * and max(−r, 0) of every filter and channel. Marginals know how strong each response is, these what comes together: an
 * edge with the line beside it, a fine wave with the coarse one it lies on. They are the Gram matrix of one layer of a
 * ConvNet whose filters are the bank's and their negatives (Ustyuzhaninov et al. 2017), in the spirit of the joint
 * statistics of Portilla and Simoncelli 2000.
 *
 * Every position counts, whatever the filters' strides; where the boundary is `valid`, those that all filters have. Of F
 * filters and c channels there are cF(2cF + 1) − cF features, for the two parts of one response are never both positive.
 *
 * @throws what `filterFeatures` throws.
 */
export function filterProducts(options: FilterBankOptions): Features {
  const { imageShape, filters } = options;
  const [height, width, channels] = imageShape;
  const bank = filterBank({ ...options, filters: filters.map((filter) => ({ ...filter, stride: 1 })) });
  const parts = partsOf(bank, channels);
  const pairs = pairsOf(parts.length);
  const triangle = selection(
    pairs.map(([a, b]) => a * parts.length + b),
    parts.length ** 2,
  );
  return {
    eventShape: imageShape,
    positions: height * width,
    names: pairs.map(([a, b]) => `${parts[a]} × ${parts[b]}`),
    apply: (x) => {
      requireEvents('x', x, imageShape);
      return tf.tidy(() => {
        const responses = tf.concat(common(bank, bank.responses(x as tf.Tensor4D)), 3);
        const [, h, w, count] = responses.shape;
        const perImage = tf.reshape(responses, [-1, channels, h * w, count]);
        const rows = tf.reshape(tf.transpose(perImage, [0, 1, 3, 2]), [-1, channels * count, h * w]);
        const rectified = tf.concat([tf.relu(rows), tf.relu(tf.neg(rows))], 1);
        const products = tf.div(tf.matMul(rectified, rectified, false, true), h * w);
        return triangle(tf.reshape(products, [-1, parts.length ** 2])) as tf.Tensor2D;
      });
    },
    dispose: () => bank.dispose(),
  };
}

/** The rectified responses in their order: all positive parts, then all negative ones. */
function partsOf({ groups }: FilterBank, channels: number): string[] {
  const filters = groups.flatMap(({ filters }) => filters.map(({ name }) => name));
  const responses = Array.from({ length: channels }, (_, channel) =>
    filters.map((name) => (channels === 1 ? name : `channel ${channel} ${name}`)),
  ).flat();
  return ['+', '−'].flatMap((sign) => responses.map((name) => `${name} ${sign}`));
}

/** Unordered pairs of parts, but for the two parts of one response. */
function pairsOf(count: number): (readonly [number, number])[] {
  return Array.from({ length: count }, (_, a) =>
    Array.from({ length: count - a }, (_, k) => [a, a + k] as const).filter(([, b]) => b !== a + count / 2),
  ).flat();
}

/** The responses of all groups at the positions that every one of them has. */
function common({ groups }: FilterBank, responses: readonly tf.Tensor4D[]): tf.Tensor4D[] {
  const height = Math.min(...responses.map(({ shape }) => shape[1]));
  const width = Math.min(...responses.map(({ shape }) => shape[2]));
  const last = Math.max(...groups.map(({ size }) => centreOf(size)));
  return responses.map((each, i) => {
    const [, h, w] = each.shape;
    if (h === height && w === width) return each;
    const before = last - centreOf(groups[i]!.size);
    return tf.slice(each, [0, before, before, 0], [-1, height, width, -1]);
  });
}

type Operator = (x: tf.Tensor) => tf.Tensor;

/**
 * Columns of [n, size], none twice. Its gradient is a gather too, where tf.gather's own is a sum over segments, which few
 * backends have; and so on for every higher derivative.
 */
function selection(columns: readonly number[], size: number): Operator {
  const zero = columns.length;
  const origins = new Int32Array(size).fill(zero);
  columns.forEach((column, k) => (origins[column] = k));
  const select: Operator = tf.customGrad((x) => ({
    value: tf.gather(x as tf.Tensor, tf.tensor1d(columns as number[], 'int32'), 1),
    gradFunc: (dy: tf.Tensor) => spread(dy),
  }));
  const spread: Operator = tf.customGrad((y) => ({
    value: tf.gather(withZero(y as tf.Tensor), tf.tensor1d(origins, 'int32'), 1),
    gradFunc: (dy: tf.Tensor) => select(dy),
  }));
  return select;
}

function withZero(y: tf.Tensor): tf.Tensor {
  return tf.concat([y, tf.zeros([y.shape[0]!, 1])], 1);
}
