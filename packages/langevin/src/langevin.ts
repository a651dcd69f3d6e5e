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
  type Key,
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
  if (clampSample !== undefined && !isRange(clampSample)) {
    const got = String(clampSample);
    throw new InvalidArgumentError('clampSample', `must be [low, high] with low < high, got [${got}]`);
  }

  /** Before the clamp of x. */
  const moved = ({ x, step }: KernelState, gradient: tf.Tensor, key?: Key): tf.Tensor => {
    const { drift, noise } = coefficients(step);
    const bounded =
      clampGradient === undefined ? gradient : tf.clipByValue(gradient, -clampGradient, clampGradient);
    const next = tf.add(x, drift === 1 ? bounded : tf.mul(bounded, drift));
    return key === undefined || noise === 0 ? next : tf.add(next, tf.mul(normal(key, x.shape, step), noise));
  };
  const unclamped = (energy: Energy, state: KernelState, key?: Key): tf.Tensor =>
    moved(state, energy.valueAndGrad(state.x).grad, key);

  return {
    name: 'langevin',
    calibrated: false,
    init: (_energy, x) => ({ x: x.clone(), step: 0 }),
    step: (energy, state, key) => {
      const move = (gradient: tf.Tensor): tf.Tensor => {
        const next = moved(state, gradient, key);
        return clampSample === undefined ? next : tf.clipByValue(next, clampSample[0], clampSample[1]);
      };
      return langevinStep(energy, state, move);
    },
    pullback: (energy, state, v, key) => {
      const { drift } = coefficients(state.step);
      const product = energy.hessianVectorProduct;
      if (product === undefined) {
        throw new InvalidArgumentError('energy', 'has no hessianVectorProduct, which a pullback needs');
      }
      return tf.tidy(() => {
        // Where a clamp holds, what comes out does not change with what goes in.
        const passed =
          clampSample === undefined ? v : tf.mul(v, insideOf(unclamped(energy, state, key), clampSample));
        const slope =
          clampGradient === undefined
            ? passed
            : tf.mul(passed, insideOf(energy.valueAndGrad(state.x).grad, [-clampGradient, clampGradient]));
        return tf.add(passed, tf.mul(product(state.x, slope), drift));
      });
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
  move: (gradient: tf.Tensor) => tf.Tensor,
): { state: KernelState; info: KernelInfo } {
  const { value, grad } = energy.valueAndGrad(state.x);
  const { x, gradientNorm } = tf.tidy(() => ({
    x: move(grad),
    gradientNorm: gradientNorms(grad),
  }));
  grad.dispose();
  return { state: { x, step: state.step + 1 }, info: { value, gradientNorm } };
}

/** 1 strictly between the bounds, 0 elsewhere. */
function insideOf(x: tf.Tensor, [low, high]: readonly [number, number]): tf.Tensor {
  return tf.cast(tf.logicalAnd(tf.greater(x, low), tf.less(x, high)), 'float32');
}

function isRange(bounds: unknown): boolean {
  if (!Array.isArray(bounds) || bounds.length !== 2) return false;
  const [low, high]: unknown[] = bounds;
  return typeof low === 'number' && typeof high === 'number' && low < high;
}
