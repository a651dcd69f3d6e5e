/**
 * The Metropolis-adjusted Langevin algorithm (Roberts and Tweedie 1996): a Langevin step is a proposal,
 *
 *     y = x + c f'(x) + s U,   U ~ N(0, I),
 *
 * accepted with probability min(1, p(y) q(x|y) / p(x) q(y|x)), where p(x) ∝ exp(f(x)/T) and T = s²/2c. With one step
 * size Δ, c = Δ²/2 and s = Δ, so that T = 1.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  InvalidArgumentError,
  type KernelState,
  normal,
  tidy,
  type TransitionKernel,
  uniforms,
} from '@srmcmc/core';
import { coefficientsOf, type DriftNoiseOptions, type StepSizeOptions } from './coefficients.ts';
import { gradientNorms } from './gradient-norms.ts';

/** One step size, or drift and noise, whose schedules should keep T = noise²/(2 · drift) the same. */
export type MalaOptions = StepSizeOptions | DriftNoiseOptions;

export interface MalaState extends KernelState {
  /** f(x), [n], and f'(x), [n, ...event], so that a step makes one gradient evaluation. */
  readonly value: tf.Tensor1D;
  readonly grad: tf.Tensor;
}

/**
 * The MALA transition kernel, which leaves exp(f(x)/T) exactly as it is. Chains accept and reject apart. Without a
 * key there is neither noise nor a random test: x climbs, and only proposals of acceptance probability 0 are rejected.
 *
 * @throws InvalidArgumentError for a coefficient that is not positive, when constructed if it is constant and at the
 * step it belongs to if it is scheduled.
 */
export function mala(options: MalaOptions): TransitionKernel<MalaState> {
  const coefficients = positiveCoefficients(options);
  coefficients(0);
  return {
    name: 'mala',
    // With drift and noise apart, exp(f(x)/T) is what is invariant.
    calibrated: 'stepSize' in options,
    undifferentiable: 'its Metropolis test accepts or rejects',
    init: (energy, x) => ({ x: x.clone(), step: 0, ...energy.valueAndGrad(x) }),
    step: (energy, { x, step, value, grad }, key) =>
      tidy(() => {
        const { drift, noise } = coefficients(step);
        const n = x.shape[0]!;
        const draw = key === undefined ? tf.zerosLike(x) : normal(key, x.shape, step);
        const proposal = tf.add(tf.add(x, tf.mul(grad, drift)), tf.mul(draw, noise));
        const end = energy.valueAndGrad(proposal);
        // log q(x|y) − log q(y|x) = |U|²/2 − |U + w|²/2 with w = c (f'(x) + f'(y)) / s: written without the
        // difference of two nearly equal positions.
        const turn = tf.mul(tf.add(grad, end.grad), drift / noise);
        const penalty = tf.sum(tf.reshape(tf.mul(turn, tf.add(draw, tf.mul(turn, 0.5))), [n, -1]), 1);
        const gain = tf.mul(tf.sub(end.value, value), (2 * drift) / noise ** 2);
        const logRatio = tf.sub(gain, penalty);
        const finite = tf.where(tf.isNaN(logRatio), -Infinity, logRatio);
        const acceptance = tf.exp(tf.minimum(finite, 0)) as tf.Tensor1D;
        const test = key === undefined ? tf.zeros([n]) : tf.tensor1d(uniforms(key, n, 1, step));
        const accepted = tf.less(test, acceptance);
        const each = tf.reshape(accepted, [n, ...x.shape.slice(1).map(() => 1)]);
        return {
          state: {
            x: tf.where(each, proposal, x),
            step: step + 1,
            value: tf.where(accepted, end.value, value),
            grad: tf.where(each, end.grad, grad),
          },
          info: { value: value.clone(), gradientNorm: gradientNorms(grad), acceptance },
        };
      }),
  };
}

function positiveCoefficients(options: MalaOptions): (step: number) => { drift: number; noise: number } {
  const coefficients = coefficientsOf(options);
  return (step) => {
    const both = coefficients(step);
    if (both.drift > 0 && both.noise > 0) return both;
    const field = 'stepSize' in options ? 'stepSize' : both.drift > 0 ? 'noise' : 'drift';
    throw new InvalidArgumentError(field, `must be positive for a Metropolis test, got 0 at step ${step}`);
  };
}
