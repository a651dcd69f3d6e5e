/** Warm-up: chains that tune the step size and the mass of HMC while they find the bulk of p. */
import type * as tf from '@tensorflow/tfjs-core';
import {
  type AsyncOptions,
  DivergedError,
  dispose,
  elements,
  type Energy,
  InvalidArgumentError,
  type Key,
  MOST_STEPS,
  requireEvents,
  requireInteger,
  split,
  throwIfCancelled,
  turn,
} from '@srmcmc/core';
import { dualAveraging } from './dual-averaging.ts';
import { hmc, type HmcInfo, type HmcKernel, type HmcOptions, type HmcState } from './hmc.ts';
import type { InverseMass } from './mass.ts';
import { runningMoments } from './moments.ts';
import { adaptationWindows } from './windows.ts';

export interface WarmUpOptions {
  readonly energy: Energy;
  /** What is not tuned; `leapfrogSteps` stays as it is, so that the path grows with the step size. */
  readonly kernel: Omit<HmcOptions, 'stepSize' | 'inverseMass'>;
  /** Steps of every chain; 1000 unless given. */
  readonly steps?: number;
  /** The mean acceptance probability that the step size is steered to; 0.8, Stan's, unless given. */
  readonly targetAcceptance?: number;
  /** Which M⁻¹ is learned; its diagonal unless given. */
  readonly mass?: 'unit' | 'diagonal' | 'dense';
}

export interface WarmUp {
  /** The tuned kernel, which adapts no more. */
  readonly kernel: HmcKernel;
  /** What it was made of, as plain data: `hmc(options)` makes it again. */
  readonly options: HmcOptions & { readonly stepSize: number };
  /** Where the chains ended, [n, ...event]; the caller's. */
  readonly x: tf.Tensor;
  /** The mean acceptance probability at each step. */
  readonly acceptance: readonly number[];
}

/** How long chains go on before timers and signals have their turn; a read-back alone gives them none. */
const TURN_MILLISECONDS = 20;

/**
 * Runs HMC with the Metropolis test from `start` [n, ...event], which is borrowed. All chains share one step size,
 * steered by dual averaging of their mean acceptance (Hoffman and Gelman 2014), and one M⁻¹, the regularised
 * (co)variance of their positions in windows of doubling length (as in Stan). Since the tuning looks at the chains,
 * samples that are to be counted are drawn afterwards, with `kernel` from `x`.
 *
 * Each step reads one number a chain back, and the positions where they count towards the mass. The event loop turns
 * every 20 ms or after a step, and `onProgress` is told the share of the steps made.
 *
 * @throws InvalidArgumentError for an option out of range, InvalidShapeError for a bad start, DivergedError where
 * every step size is accepted or none is, CancelledError where `signal` aborts.
 */
export async function warmUp(
  options: WarmUpOptions,
  start: tf.Tensor,
  key: Key,
  { signal, onProgress }: AsyncOptions = {},
): Promise<WarmUp> {
  const { energy, steps = 1000, targetAcceptance = 0.8, mass = 'diagonal' } = options;
  requireInteger('steps', steps, 1, MOST_STEPS);
  requireEvents('start', start, energy.eventShape);
  if (!(targetAcceptance > 0 && targetAcceptance < 1))
    throw new InvalidArgumentError('targetAcceptance', `must be between 0 and 1, got ${targetAcceptance}`);

  const [noiseKey, searchKey] = split(key) as [Key, Key];
  const { from, ends } = mass === 'unit' ? { from: steps, ends: [] } : adaptationWindows(steps);
  const acceptance: number[] = [];
  let inverseMass: InverseMass | undefined;
  let stepSize = 1;
  let turned = performance.now();
  let state = hmc({ ...options.kernel, stepSize }).init(energy, start);
  try {
    // Whenever the mass changes, the step size is looked for, and averaged, anew.
    for (const end of [...ends, steps]) {
      const fixed = {
        ...options.kernel,
        ...(inverseMass === undefined ? {} : { inverseMass }),
        metropolis: true,
      };
      const first = await reasonableStepSize({ ...fixed, leapfrogSteps: 1 }, energy, state, searchKey);
      const averaging = dualAveraging(first, targetAcceptance);
      const kernel = hmc({ ...fixed, stepSize: () => averaging.stepSize });
      const moments = runningMoments(elements(energy.eventShape), mass === 'dense');
      while (acceptance.length < end) {
        if (performance.now() - turned > TURN_MILLISECONDS) {
          onProgress?.(acceptance.length / steps);
          await turn();
          turned = performance.now();
        }
        throwIfCancelled(signal);
        const { state: next, info } = kernel.step(energy, state, noiseKey);
        dispose(state);
        state = next;
        acceptance.push(await meanAcceptance(info));
        averaging.update(acceptance.at(-1)!);
        if (end !== steps && acceptance.length > from) moments.add(await state.x.data());
      }
      if (end !== steps) inverseMass = moments.inverseMass();
      stepSize = averaging.averaged;
    }
    onProgress?.(1);
    const tuned = { ...options.kernel, stepSize, ...(inverseMass === undefined ? {} : { inverseMass }) };
    return { kernel: hmc(tuned), options: tuned, x: state.x.clone(), acceptance };
  } finally {
    dispose(state);
  }
}

/** Mean of min(1, exp(−ΔH/T)) over the chains. Disposes of `info`. */
async function meanAcceptance(info: HmcInfo): Promise<number> {
  const errors = await info.energyError.data<'float32'>();
  dispose(info);
  return errors.reduce((sum, error) => sum + Math.min(1, Math.exp(-error)), 0) / errors.length;
}

/** Doublings or halvings after which the search gives up: beyond them lie sizes that fp32 cannot add to x. */
const MOST_DOUBLINGS = 50;

/**
 * The size at which the acceptance of one leapfrog step crosses 1/2, doubled or halved from 1 (Hoffman and Gelman
 * 2014, Algorithm 4).
 */
async function reasonableStepSize(
  options: Omit<HmcOptions, 'stepSize'>,
  energy: Energy,
  state: HmcState,
  key: Key,
): Promise<number> {
  const accepts = async (stepSize: number): Promise<boolean> => {
    const { state: next, info } = hmc({ ...options, stepSize }).step(energy, state, key);
    dispose(next);
    return (await meanAcceptance(info)) > 0.5;
  };
  const small = await accepts(1);
  for (let doublings = 1; doublings <= MOST_DOUBLINGS; doublings++) {
    const stepSize = 2 ** (small ? doublings : -doublings);
    if ((await accepts(stepSize)) !== small) return stepSize;
  }
  throw new DivergedError(
    small
      ? 'warm-up: steps of any size are accepted; is exp(f(x)) integrable?'
      : 'warm-up: steps of no size are accepted; are f(x) and its gradient finite at the start?',
  );
}
