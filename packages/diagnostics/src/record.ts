/** Long chains, watched: every draw and every report of a kernel as plain numbers, one array a chain. */
import type * as tf from '@tensorflow/tfjs-core';
import {
  type AsyncOptions,
  dispose,
  type Energy,
  InvalidShapeError,
  type KernelState,
  type Key,
  requireBackend,
  requireEvents,
  requireInteger,
  throwIfCancelled,
  tidy,
  type TransitionKernel,
  turn,
} from '@srmcmc/core';
import type { Chains } from './chains.ts';

export interface RecordOptions<S extends KernelState = KernelState> {
  readonly energy: Energy;
  readonly kernel: TransitionKernel<S>;
  /** Draws that are recorded of each chain. */
  readonly draws: number;
  /** Steps from one draw to the next; 1 unless given. */
  readonly thin?: number;
  /** [n, ...event] to [n, ...]: what is recorded of x; x itself unless given. */
  readonly observe?: (x: tf.Tensor) => tf.Tensor;
}

export interface Recording {
  /** The chains of each number that `observe` gives, in row-major order. */
  readonly quantities: readonly Chains[];
  /**
   * The kernel's reports on the step that led to each draw, by their names in its `KernelInfo`: `value`,
   * `gradientNorm`, `acceptance` where there is a Metropolis test, `energyError`, `hamiltonian` and `divergent` (0 or
   * 1) of HMC.
   */
  readonly statistics: Readonly<Record<string, Chains>>;
  /** Where the chains ended, [n, ...event]; the caller's. */
  readonly x: tf.Tensor;
}

/** How long chains go on before timers and signals have their turn; a read-back alone gives them none. */
const TURN_MILLISECONDS = 20;

/**
 * Runs chains from `start` [n, ...event], which is borrowed, and reads every draw back, which a short run never does.
 * A first stretch that is still on its way is left out by running it apart: with `warmUp` or `runChains`. The event
 * loop turns every 20 ms or after a step, and `onProgress` is told the share of the steps made.
 *
 * @throws InvalidArgumentError for a bad number of draws or steps, InvalidShapeError for a bad start or
 * observation, CancelledError where `signal` aborts.
 */
export async function record<S extends KernelState>(
  options: RecordOptions<S>,
  start: tf.Tensor,
  key: Key,
  { signal, onProgress }: AsyncOptions = {},
): Promise<Recording> {
  const { energy, kernel, draws, thin = 1, observe = (x) => x } = options;
  requireBackend();
  requireInteger('draws', draws, 1);
  requireInteger('thin', thin, 1);
  requireEvents('start', start, energy.eventShape);
  const n = start.shape[0]!;
  const quantities: Float32Array[][] = [];
  const statistics: Record<string, Float32Array[][]> = {};
  const write = (columns: Float32Array[][], rows: ArrayLike<number>, draw: number): void => {
    const width = rows.length / n;
    for (let j = 0; j < width; j++) {
      const chains = (columns[j] ??= Array.from({ length: n }, () => new Float32Array(draws)));
      chains.forEach((chain, i) => (chain[draw] = rows[i * width + j]!));
    }
  };
  const observedAt = (x: tf.Tensor): tf.Tensor =>
    tidy(() => {
      // Cloned, since x itself may be what is observed.
      const observed = observe(x).clone();
      if (observed.shape[0] !== n) throw new InvalidShapeError('observe(x)', [n, '...'], observed.shape);
      return observed;
    });

  let state = kernel.init(energy, start);
  try {
    const steps = draws * thin;
    let turned = performance.now();
    for (let step = 1; step <= steps; step++) {
      if (performance.now() - turned > TURN_MILLISECONDS) {
        onProgress?.((step - 1) / steps);
        await turn();
        turned = performance.now();
      }
      throwIfCancelled(signal);
      const { state: next, info } = kernel.step(energy, state, key);
      dispose(state);
      state = next;
      try {
        if (step % thin !== 0) continue;
        const draw = step / thin - 1;
        const observed = observedAt(state.x);
        write(quantities, await observed.data(), draw);
        observed.dispose();
        for (const [name, report] of Object.entries(info) as [string, tf.Tensor][])
          write((statistics[name] ??= []), await report.data(), draw);
      } finally {
        dispose(info);
      }
    }
    onProgress?.(1);
    const named = Object.entries(statistics).map(([name, columns]) => [name, columns[0]!] as const);
    return { quantities, statistics: Object.fromEntries(named), x: state.x.clone() };
  } finally {
    dispose(state);
  }
}
