/**
 * Unadjusted Langevin dynamics (Nijkamp et al. 2019, eq. 4):
 *
 *     x ← x + (Δ²/2) f'(x) + Δ U,   U ~ N(0, I)
 *
 * and the form in which the paper's program runs it, with the temperature folded into f and the two
 * coefficients free of each other:
 *
 *     x ← x + f'(x) + 0.01 U.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Energy,
  InvalidArgumentError,
  type KernelInfo,
  type KernelState,
  normal,
  type TransitionKernel,
} from '@srmcmc/core';
import { coefficientsOf, type DriftNoiseOptions, type StepSizeOptions } from './coefficients.ts';
import { gradientNorms } from './gradient-norms.ts';

/** Bounds that are off unless given. They bias the chain; the paper uses neither. */
export interface LangevinClamps {
  /** Every element of the gradient is clipped to [-clampGradient, clampGradient]. */
  readonly clampGradient?: number;
  /** Every element of x is clipped to [low, high] after the step. */
  readonly clampSample?: readonly [low: number, high: number];
}

export type LangevinOptions = (StepSizeOptions | DriftNoiseOptions) & LangevinClamps;

/**
 * The Langevin transition kernel. It makes one gradient evaluation a step, and has no Metropolis test, so that
 * its stationary law differs from p by an amount that vanishes with the step size.
 *
 * @throws InvalidArgumentError for a negative or non-finite coefficient, when constructed if it is constant and
 * at the step it belongs to if it is scheduled.
 */
export function langevin(options: LangevinOptions): TransitionKernel {
  const coefficients = coefficientsOf(options);
  const { clampGradient, clampSample } = options;
  coefficients(0);
  if (clampGradient !== undefined && !(clampGradient > 0)) {
    throw new InvalidArgumentError('clampGradient', `must be positive, got ${clampGradient}`);
  }
  if (clampSample !== undefined && !(clampSample[0] < clampSample[1])) {
    throw new InvalidArgumentError(
      'clampSample',
      `must be [low, high] with low < high, got [${clampSample.join(', ')}]`,
    );
  }

  return {
    name: 'langevin',
    calibrated: false,
    init: (_energy, x) => ({ x: x.clone(), step: 0 }),
    step: (energy, state, key) => {
      const { drift, noise } = coefficients(state.step);
      const move = (x: tf.Tensor, gradient: tf.Tensor): tf.Tensor => {
        const bounded =
          clampGradient === undefined ? gradient : tf.clipByValue(gradient, -clampGradient, clampGradient);
        let next = tf.add(x, drift === 1 ? bounded : tf.mul(bounded, drift));
        if (key !== undefined && noise > 0)
          next = tf.add(next, tf.mul(normal(key, x.shape, state.step), noise));
        return clampSample === undefined ? next : tf.clipByValue(next, clampSample[0], clampSample[1]);
      };
      return langevinStep(energy, state, move);
    },
    fused: {
      kernelName: 'ShortRunLangevin',
      attributes: (steps) => {
        const schedule = Array.from({ length: steps }, (_, step) => coefficients(step));
        return {
          drift: schedule.map(({ drift }) => drift),
          noise: schedule.map(({ noise }) => noise),
          clampGradient: clampGradient ?? Infinity,
          clampSample: clampSample === undefined ? [-Infinity, Infinity] : [...clampSample],
        };
      },
    },
  };
}

function langevinStep(
  energy: Energy,
  state: KernelState,
  move: (x: tf.Tensor, gradient: tf.Tensor) => tf.Tensor,
): { state: KernelState; info: KernelInfo } {
  const { value, grad } = energy.valueAndGrad(state.x);
  const { x, gradientNorm } = tf.tidy(() => ({
    x: move(state.x, grad),
    gradientNorm: gradientNorms(grad),
  }));
  grad.dispose();
  return { state: { x, step: state.step + 1 }, info: { value, gradientNorm } };
}
