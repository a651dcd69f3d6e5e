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
        const tanhs = meanTanhs(
          tf.mul(responses, steepness),
          edges.map((edge) => edge * steepness),
        );
        const above = tf.div<tf.Tensor3D>(tf.add(tanhs, 1), 2);
        const ones = tf.onesLike(tf.slice(above, 0, 1));
        // Bin j holds what is above its lower edge and not above its upper one.
        const counts = tf.sub(tf.concat([ones, above]), tf.concat([above, tf.zerosLike(ones)]));
        return tf.transpose(counts, [1, 2, 0]) as tf.Tensor3D;
      }),
  };
}

/**
 * The means over positions of tanh(x − e) for every edge e: of x [m, height, width, F], [E, m, F]. The gradient,
 * Σ_e w_e (1 − tanh²(x − e)), is summed up as it is made, with half the work of the tape's.
 */
function meanTanhs(x: tf.Tensor4D, edges: readonly number[]): tf.Tensor3D {
  const gradient = (dy: tf.Tensor, [saved]: tf.Tensor[]): tf.Tensor => {
    const [m, height, width, filters] = saved!.shape as [number, number, number, number];
    const weights = tf.reshape(tf.div(dy, height * width), [edges.length, m, 1, 1, filters]);
    const weighted = edges.map((edge, j) => {
      const weight = tf.reshape(tf.slice(weights, j, 1), [m, 1, 1, filters]);
      return tf.mul(tf.square(tanh(tf.sub(saved!, edge))), weight);
    });
    // tf.addN would leave the native backend.
    return tf.sub(
      tf.sum(weights, 0),
      weighted.reduce((sum, each) => tf.add(sum, each)),
    );
  };
  const operator = tf.customGrad((input, save) => {
    const responses = input as tf.Tensor4D;
    (save as tf.GradSaveFunc)([responses]);
    const means = edges.map((edge) => tf.mean<tf.Tensor2D>(tf.tanh(tf.sub(responses, edge)), [1, 2]));
    return { value: tf.stack(means), gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradient(dy, saved) };
  });
  return operator(x) as tf.Tensor3D;
}

/**
 * tf.tanh with a gradient that can be differentiated again: tfjs's own is made of the output, from which its tape finds
 * no way back to x.
 */
function tanh(x: tf.Tensor): tf.Tensor {
  const operator = tf.customGrad((input, save) => {
    (save as tf.GradSaveFunc)([input as tf.Tensor]);
    return {
      value: tf.tanh(input as tf.Tensor),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, tf.sub(1, tf.square(tanh(saved[0]!)))),
    };
  });
  return operator(x);
}

function binName(edges: readonly number[], j: number): string {
  const [low, high] = [edges[j - 1], edges[j]].map((edge) => edge?.toFixed(2));
  if (low === undefined) return `below ${high}`;
  return high === undefined ? `above ${low}` : `${low} to ${high}`;
}
