/** What FRAME takes of a filter's responses: means over positions of functions of one response. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError, requireInteger } from '@srmcmc/core';

/** J means over positions for each filter. */
export interface Marginal {
  /** What each of the J means is, J in all. */
  readonly labels: readonly string[];
  /** Of responses [m, height, width, F]: [m, F, J], made of differentiable tfjs operators. */
  apply(responses: tf.Tensor4D): tf.Tensor3D;
}

/**
 * The mean magnitude of the responses, with √(r² + ε²) for |r|: one number a filter (Xie et al. 2015). ε is in units of
 * the response, 0.1 unless given.
 */
export function magnitude({ smoothing = 0.1 }: { readonly smoothing?: number } = {}): Marginal {
  if (!(smoothing > 0)) throw new InvalidArgumentError('smoothing', `must be positive, got ${smoothing}`);
  return {
    labels: ['magnitude'],
    apply: (responses) =>
      tf.tidy(() => {
        const smooth = tf.sqrt(tf.add(tf.square(responses), smoothing ** 2));
        return tf.expandDims(tf.mean(smooth, [1, 2]), 2);
      }),
  };
}

export interface HistogramOptions {
  /** J. Default: 8. */
  readonly bins?: number;
  /** The inner bins cover [-range, range], the two outer ones all that is beyond. Default: 3. */
  readonly range?: number;
  /** How soft the edges are, in widths of a bin: the scale of the logistic function. Default: 0.25. */
  readonly softness?: number;
}

/**
 * The histogram of the responses (Zhu, Wu and Mumford 1998) with soft edges: a response counts in bin j by
 * σ((r − e_j)/w) − σ((r − e_{j+1})/w), σ the logistic function, e the edges. The J counts of a response add up to 1.
 *
 * @throws InvalidArgumentError for fewer than 2 bins, or a range or softness that is not positive.
 */
export function histogram({ bins = 8, range = 3, softness = 0.25 }: HistogramOptions = {}): Marginal {
  requireInteger('bins', bins, 2);
  for (const [field, value] of Object.entries({ range, softness })) {
    if (!(value > 0)) throw new InvalidArgumentError(field, `must be positive, got ${value}`);
  }
  const width = bins === 2 ? range : (2 * range) / (bins - 2);
  const edges = Array.from({ length: bins - 1 }, (_, j) => (j - (bins - 2) / 2) * width);
  // σ(u) = (1 + tanh(u/2)) / 2.
  const steepness = 1 / (2 * softness * width);
  return {
    labels: Array.from({ length: bins }, (_, j) => binName(edges, j)),
    apply: (responses) =>
      tf.tidy(() => {
        const scaled = tf.mul(responses, steepness);
        const above = edges.map((edge) => {
          const step = tanh(tf.sub(scaled, edge * steepness));
          return tf.div(tf.add(tf.mean(step, [1, 2]), 1), 2);
        });
        const all = [tf.onesLike(above[0]!), ...above, tf.zerosLike(above[0]!)];
        const counts = above.map((_, j) => tf.sub(all[j]!, all[j + 1]!));
        return tf.stack([...counts, above.at(-1)!], 2) as tf.Tensor3D;
      }),
  };
}

/**
 * tf.tanh with a gradient that can be differentiated again: tfjs's own is made of the output, from which its tape finds
 * no way back to x.
 */
function tanh(x: tf.Tensor4D): tf.Tensor4D {
  const operator = tf.customGrad((input, save) => {
    (save as tf.GradSaveFunc)([input as tf.Tensor]);
    return {
      value: tf.tanh(input as tf.Tensor4D),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const slope = tf.sub(1, tf.square(tanh(saved[0] as tf.Tensor4D)));
        return tf.mul(dy, slope);
      },
    };
  });
  return operator(x);
}

function binName(edges: readonly number[], j: number): string {
  const [low, high] = [edges[j - 1], edges[j]].map((edge) => edge?.toFixed(2));
  if (low === undefined) return `below ${high}`;
  return high === undefined ? `above ${low}` : `${low} to ${high}`;
}
