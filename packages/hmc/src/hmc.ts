/**
 * Hamiltonian Monte Carlo (Duane, Kennedy, Pendleton and Roweth 1987; Neal 2011): draw a momentum, follow the
 * dynamics of
 *
 *     H(x, r) = −f(x) + |r|²/2,   r ~ N(0, T)
 *
 * by leapfrog, and accept where it leads with probability min(1, exp(−ΔH/T)). p(x) ∝ exp(f(x)/T) is then exactly
 * invariant. Without the test it is a dynamics like Langevin's, which one leapfrog step makes exactly:
 * x + (ε²/2) f'(x) + ε √T U.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  type Energy,
  InvalidArgumentError,
  type KernelInfo,
  type KernelState,
  type Key,
  MOST_STEPS,
  normal,
  positiveAt,
  requireInteger,
  type Schedule,
  tidy,
  type TransitionKernel,
  uniforms,
} from '@srmcmc/core';
import { leapfrogPullback } from './leapfrog-pullback.ts';
import { leapfrog, type PhasePoint } from './leapfrog.ts';
import { type InverseMass, isDense, massFactor } from './mass.ts';

/** Plain data where the step size is a number, fit for a configuration file. */
export interface HmcOptions {
  /** ε of one leapfrog step; a schedule is indexed by the kernel's steps. */
  readonly stepSize: Schedule;
  /** L, and so the number of gradients, of one step of the kernel; at most a million, as steps are. */
  readonly leapfrogSteps: number;
  /** Whether proposals are put to the Metropolis test; true unless given. */
  readonly metropolis?: boolean;
  /** T: the target is exp(f(x)/T). 1 unless given. */
  readonly temperature?: number;
  /** M⁻¹, its diagonal or its rows; the identity unless given. */
  readonly inverseMass?: InverseMass;
  /** Each chain's step size is multiplied by a uniform on [1 − jitter, 1 + jitter); 0 unless given. */
  readonly jitter?: number;
  /** α of the partial refreshment r ← α r + √(1 − α²) √T U (Horowitz 1991); 0, all new, unless given. */
  readonly persistence?: number;
}

export interface HmcState extends KernelState {
  /** f(x), [n], and f'(x), [n, ...event], so that a step of the kernel costs L gradients. */
  readonly value: tf.Tensor1D;
  readonly grad: tf.Tensor;
  /** The whitened momentum that the next step refreshes, [n, ...event]; only where momentum persists. */
  readonly momentum?: tf.Tensor;
}

export interface HmcInfo extends KernelInfo {
  /** H/T after the momentum was drawn, [n]: what E-BFMI is computed from. */
  readonly hamiltonian: tf.Tensor1D;
  readonly energyError: tf.Tensor1D;
  /** Whether the energy error exceeds `DIVERGENCE_THRESHOLD`, [n], of dtype bool. */
  readonly divergent: tf.Tensor1D;
}

/**
 * Where the backend can, a short run of it on a network is one call, except with a dense mass. Without the Metropolis
 * test and persistence it has a pullback, the momenta as the key has them.
 */
export interface HmcKernel extends TransitionKernel<HmcState> {
  step(energy: Energy, state: HmcState, key?: Key): { state: HmcState; info: HmcInfo };
}

/** The energy error beyond which a trajectory counts as divergent: Stan's threshold. */
export const DIVERGENCE_THRESHOLD = 1000;

/**
 * The HMC transition kernel, calibrated with the Metropolis test at temperature 1. Chains accept and reject apart.
 * Without a key there is neither momentum noise nor a random test: r starts from 0, or from the persisting part of it,
 * and only divergent proposals are rejected.
 *
 * @throws InvalidArgumentError for an option out of range, a scheduled step size at the step it belongs to;
 * InvalidShapeError, from `init`, where the mass does not fit the energy's events.
 */
export function hmc(options: HmcOptions): HmcKernel {
  const {
    stepSize,
    leapfrogSteps,
    metropolis = true,
    temperature = 1,
    jitter = 0,
    persistence = 0,
  } = options;
  requireInteger('leapfrogSteps', leapfrogSteps, 1, MOST_STEPS);
  if (!(temperature > 0 && Number.isFinite(temperature)))
    throw new InvalidArgumentError('temperature', `must be positive, got ${temperature}`);
  for (const [field, fraction] of Object.entries({ jitter, persistence })) {
    if (!(fraction >= 0 && fraction < 1))
      throw new InvalidArgumentError(field, `must be in [0, 1), got ${fraction}`);
  }
  positiveAt(stepSize, 0, 'stepSize');
  const factorFor = massFactor(options.inverseMass);

  /** Where a path begins, once its momentum is drawn, and how it is followed. */
  const pathFrom = (energy: Energy, state: HmcState, jitterDraw: tf.Tensor, key?: Key) => {
    const size = positiveAt(stepSize, state.step, 'stepSize');
    return {
      start: { ...state, momentum: refreshed(state, persistence, temperature, key) },
      options: {
        stepSize: jitter > 0 ? tf.mul(tf.add(tf.mul(jitterDraw, 2 * jitter), 1 - jitter), size) : size,
        steps: leapfrogSteps,
        factor: factorFor(energy.eventShape),
      },
    };
  };
  const pullback: HmcKernel['pullback'] = (energy, state, v, key) =>
    tidy(() => {
      const { start, options } = pathFrom(energy, state, uniformsOf(key, state).jitter, key);
      return leapfrogPullback(energy, start, options, v);
    });

  return {
    name: 'hmc',
    calibrated: metropolis && temperature === 1,
    init: (energy, x) => {
      tidy(() => factorFor(energy.eventShape));
      const momentum = persistence > 0 ? { momentum: tf.zerosLike(x) } : {};
      return { x: x.clone(), step: 0, ...energy.valueAndGrad(x), ...momentum };
    },
    step: (energy, state, key) =>
      tidy(() => {
        const draws = uniformsOf(key, state);
        const { start, options: path } = pathFrom(energy, state, draws.jitter, key);
        const end = leapfrog(energy, start, path);
        const hamiltonian = hamiltonianOf(start, temperature);
        const error = tf.sub(hamiltonianOf(end, temperature), hamiltonian);
        const energyError = tf.where(tf.isNaN(error), Infinity, error) as tf.Tensor1D;
        const acceptance = tf.exp(tf.minimum(tf.neg(energyError), 0)) as tf.Tensor1D;
        const next = metropolis ? chosen(tf.less(draws.test, acceptance), start, end) : end;
        return {
          state: {
            x: next.x,
            step: state.step + 1,
            value: next.value,
            grad: next.grad,
            ...(persistence > 0 ? { momentum: next.momentum } : {}),
          },
          info: {
            value: state.value.clone(),
            gradientNorm: tf.norm(
              tf.reshape(state.grad, [state.x.shape[0]!, -1]),
              'euclidean',
              1,
            ) as tf.Tensor1D,
            hamiltonian,
            energyError,
            divergent: tf.greater(energyError, DIVERGENCE_THRESHOLD) as tf.Tensor1D,
            ...(metropolis ? { acceptance } : {}),
          },
        };
      }),
    ...(metropolis
      ? { undifferentiable: 'its Metropolis test accepts or rejects; `metropolis: false` leaves it out' }
      : persistence > 0
        ? { undifferentiable: 'momentum persists from step to step; `persistence: 0` draws it anew' }
        : { pullback }),
    ...(isDense(options.inverseMass)
      ? {}
      : {
          fused: {
            kernelName: 'ShortRunHmc',
            reports: metropolis ? ['acceptance', 'energyError'] : ['energyError'],
            attributes: (steps, eventShape) => ({
              stepSize: Array.from({ length: steps }, (_, step) => positiveAt(stepSize, step, 'stepSize')),
              massRoots: tidy(() => [...(factorFor(eventShape).diagonal ?? [])]),
              ...{ leapfrogSteps, metropolis, temperature, jitter, persistence },
            }),
          },
        }),
  };
}

/** Two uniforms a chain: for the test [n], and for the jitter [n, 1, ...]. Without a key, the centre and 0. */
function uniformsOf(key: Key | undefined, { x, step }: HmcState): { test: tf.Tensor1D; jitter: tf.Tensor } {
  const n = x.shape[0]!;
  const perChain = [n, ...x.shape.slice(1).map(() => 1)];
  if (key === undefined) return { test: tf.zeros([n]), jitter: tf.fill(perChain, 0.5) };
  const draws = tf.tensor2d(uniforms(key, n, 2, step), [n, 2]);
  const [test, jitter] = tf.unstack(draws, 1) as [tf.Tensor1D, tf.Tensor1D];
  return { test, jitter: tf.reshape(jitter, perChain) };
}

/** r ← α r + √(1 − α²) √T U. `init` has no key, so that the momentum of step 0 is all new. */
function refreshed(state: HmcState, persistence: number, temperature: number, key?: Key): tf.Tensor {
  const { x, step, momentum } = state;
  const kept = step === 0 || momentum === undefined ? undefined : tf.mul(momentum, persistence);
  if (key === undefined) return kept ?? tf.zerosLike(x);
  const scale = Math.sqrt(temperature * (kept === undefined ? 1 : 1 - persistence ** 2));
  const fresh = tf.mul(normal(key, x.shape, step), scale);
  return kept === undefined ? fresh : tf.add(kept, fresh);
}

/** H/T, [n]. */
function hamiltonianOf({ value, momentum }: PhasePoint, temperature: number): tf.Tensor1D {
  const kinetic = tf.mul(tf.sum(tf.reshape(tf.square(momentum), [value.shape[0], -1]), 1), 0.5);
  return tf.div(tf.sub(kinetic, value), temperature) as tf.Tensor1D;
}

/** The proposal where it was accepted; elsewhere the start with its momentum reversed (Horowitz 1991). */
function chosen(accepted: tf.Tensor, start: PhasePoint, end: PhasePoint): PhasePoint {
  const each = tf.reshape(accepted, [-1, ...start.x.shape.slice(1).map(() => 1)]);
  return {
    x: tf.where(each, end.x, start.x),
    momentum: tf.where(each, end.momentum, tf.neg(start.momentum)),
    value: tf.where(accepted, end.value, start.value),
    grad: tf.where(each, end.grad, start.grad),
  };
}
