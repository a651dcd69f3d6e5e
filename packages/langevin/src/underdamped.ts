/**
 * Underdamped Langevin dynamics, dx = r dt, dr = f'(x) dt − γ r dt + √(2γT) dW, by splitting it into three parts
 * that can each be solved:
 *
 *     A: x ← x + h r      B: r ← r + h f'(x)      O: r ← e^{−γh} r + √(T (1 − e^{−2γh})) U
 *
 * A splitting is the order in which one step goes through them, each time for its share of the step size: BAOAB
 * (Leimkuhler and Matthews 2013), whose positions are exact on a Gaussian, and OBABO (Bussi and Parrinello 2007),
 * leapfrog between two half refreshments.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  InvalidArgumentError,
  type KernelState,
  type Key,
  normal,
  positiveAt,
  type Schedule,
  split,
  tidy,
  type TransitionKernel,
} from '@srmcmc/core';
import { gradientNorms } from './gradient-norms.ts';

export interface UnderdampedOptions {
  /** The time h of one step. */
  readonly stepSize: Schedule;
  /** γ ≥ 0, per unit of time: near 0 the momentum persists, and as γ grows the dynamics becomes Langevin's. */
  readonly friction: number;
  /** BAOAB unless given. */
  readonly splitting?: 'BAOAB' | 'OBABO';
  /** T: the target is about exp(f(x)/T). 1 unless given. */
  readonly temperature?: number;
}

export interface UnderdampedState extends KernelState {
  /** r, [n, ...event]. */
  readonly momentum: tf.Tensor;
  /** f(x), [n], and f'(x), [n, ...event], so that a step makes one gradient evaluation. */
  readonly value: tf.Tensor1D;
  readonly grad: tf.Tensor;
}

/**
 * The underdamped Langevin transition kernel, of unit mass and without a Metropolis test. The first step draws
 * r ~ N(0, T); without a key r starts from 0 and O is friction alone.
 *
 * @throws InvalidArgumentError for an option out of range, a scheduled step size at the step it belongs to.
 */
export function underdamped(options: UnderdampedOptions): TransitionKernel<UnderdampedState> {
  const { friction, splitting = 'BAOAB', temperature = 1 } = options;
  if (!(friction >= 0 && Number.isFinite(friction)))
    throw new InvalidArgumentError('friction', `must not be negative, got ${friction}`);
  if (!(temperature > 0 && Number.isFinite(temperature)))
    throw new InvalidArgumentError('temperature', `must be positive, got ${temperature}`);
  if (splitting !== 'BAOAB' && splitting !== 'OBABO')
    throw new InvalidArgumentError('splitting', `must be BAOAB or OBABO, got ${String(splitting)}`);
  positiveAt(options.stepSize, 0, 'stepSize');

  return {
    name: `underdamped-${splitting}`,
    calibrated: false,
    undifferentiable: 'momentum persists from step to step',
    init: (energy, x) => ({ x: x.clone(), step: 0, momentum: tf.zerosLike(x), ...energy.valueAndGrad(x) }),
    step: (energy, state, key) =>
      tidy(() => {
        const size = positiveAt(options.stepSize, state.step, 'stepSize');
        const shares = [...splitting];
        const noise = noiseOf(state, Math.sqrt(temperature), key);
        let { x, value, grad } = state;
        let momentum = state.step === 0 ? noise.initial() : state.momentum;
        let moved = false;
        for (const part of splitting) {
          const time = size / shares.filter((other) => other === part).length;
          if (part === 'A') {
            x = tf.add(x, tf.mul(momentum, time));
            moved = true;
          } else if (part === 'B') {
            if (moved) ({ value, grad } = energy.valueAndGrad(x));
            momentum = tf.add(momentum, tf.mul(grad, time));
          } else {
            const kept = Math.exp(-friction * time);
            momentum = tf.add(tf.mul(momentum, kept), tf.mul(noise.next(), Math.sqrt(1 - kept ** 2)));
          }
        }
        return {
          state: { x, step: state.step + 1, momentum, value, grad },
          info: { value: state.value.clone(), gradientNorm: gradientNorms(state.grad) },
        };
      }),
  };
}

/** The normal draws of one step, each of its own key: the first momentum, and one for every O. Zeros without a key. */
function noiseOf({ x, step }: UnderdampedState, scale: number, key?: Key) {
  const [initialKey, ...keys] = key === undefined ? [] : split(key, 3);
  const draw = (from?: Key): tf.Tensor =>
    from === undefined ? tf.zerosLike(x) : tf.mul(normal(from, x.shape, step), scale);
  return { initial: () => draw(initialKey), next: () => draw(keys.shift()) };
}
