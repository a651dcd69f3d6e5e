/** What every TransitionKernel must do. */
import * as tf from '@tensorflow/tfjs-core';
import { normal } from '../draws.ts';
import { type Energy, fromFunction } from '../energy.ts';
import type { KernelState, TransitionKernel } from '../kernel.ts';
import { fromChain, key } from '../key.ts';
import { dispose } from '../tidy.ts';
import { check, checkClose, checkNoLeak, checkShape, type ConformanceCase, valuesOf } from './conformance.ts';

const DIMENSION = 3;
/** Standard deviations of the Gaussian that the cases climb. */
const SCALES = [0.5, 1, 2];

export interface KernelConformanceOptions {
  /** Whether a step with a key is random; true unless given. */
  readonly noise?: boolean;
}

/** Cases for a kernel; `make` gives a fresh one for each. They run it on a Gaussian in three dimensions. */
export function kernelConformance<S extends KernelState>(
  make: () => TransitionKernel<S>,
  { noise = true }: KernelConformanceOptions = {},
): ConformanceCase[] {
  const cases: Record<string, (kernel: TransitionKernel<S>, energy: Energy) => Promise<void> | void> = {
    'init starts at x, at step 0': async (kernel, energy) => {
      const x = starts(4);
      const state = kernel.init(energy, x);
      check(state.step === 0, `step is ${state.step}`);
      checkClose(await valuesOf(state.x), await valuesOf(x), 0, 'x');
    },
    'a step is a pure function of state and key': async (kernel, energy) => {
      const state = kernel.init(energy, starts(4));
      const before = await valuesOf(state.x);
      const first = await valuesOf(kernel.step(energy, state, key(1)).state.x);
      const again = await valuesOf(kernel.step(energy, state, key(1)).state.x);
      checkClose(again, first, 0, 'the same step twice');
      checkClose(await valuesOf(state.x), before, 0, 'the state that was stepped from');
      check(kernel.step(energy, state, key(1)).state.step === 1, 'the step was not counted');
    },
    'noise, if any, differs from key to key and from step to step, and is off without a key': async (
      kernel,
      energy,
    ) => {
      const state = kernel.init(energy, starts(4));
      const draw = async (from: S, seed?: number): Promise<string> =>
        (
          await valuesOf(kernel.step(energy, from, seed === undefined ? undefined : key(seed)).state.x)
        ).join();
      const later = { ...state, step: 1 };
      const draws = [await draw(state, 1), await draw(state, 2), await draw(later, 1), await draw(state)];
      if (noise) check(new Set(draws).size === 4, 'two of four noises are the same');
      else check(new Set(draws).size === 1, 'the kernel is said to make no noise, and does');
      check((await draw(state)) === draws[3], 'two steps without a key differ');
    },
    'chain i is the same alone and in a batch': async (kernel, energy) => {
      const x = starts(5);
      const all = kernel.step(energy, kernel.init(energy, x), key(3)).state.x;
      const alone = kernel.step(energy, kernel.init(energy, tf.slice(x, 3, 1)), fromChain(key(3), 3)).state.x;
      checkClose(await valuesOf(alone), await valuesOf(tf.slice(all, 3, 1)), 1e-6, 'chain 3');
    },
    'the report is f and the norm of its gradient where the step began': async (kernel, energy) => {
      const x = starts(4);
      const { info } = kernel.step(energy, kernel.init(energy, x), key(4));
      const { value, grad } = energy.valueAndGrad(x);
      checkShape(info.value, [4], 'info.value');
      checkClose(await valuesOf(info.value), await valuesOf(value), 1e-5, 'info.value');
      const norms = await valuesOf(tf.norm(grad, 'euclidean', 1));
      checkClose(await valuesOf(info.gradientNorm), norms, 1e-5, 'info.gradientNorm');
    },
    'a pullback, where there is one, agrees with central differences of a step': async (kernel, energy) => {
      if (kernel.pullback === undefined) return;
      const h = 1e-2;
      const [x, direction, v] = [6, 10, 11].map((seed) => normal(key(seed), [4, DIMENSION])) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      const after = (shift: number): tf.Tensor =>
        kernel.step(energy, kernel.init(energy, tf.add(x, tf.mul(direction, shift))), key(3)).state.x;
      const numeric = tf.div(tf.sub(after(h), after(-h)), 2 * h);
      const pulled = kernel.pullback(energy, kernel.init(energy, x), v, key(3));
      checkShape(pulled, [4, DIMENSION], 'pullback');
      const slopes = await valuesOf(tf.sum(tf.mul(direction, pulled), 1));
      checkClose(slopes, await valuesOf(tf.sum(tf.mul(numeric, v), 1)), 5e-3, 'Jᵀ v along a direction');
      const state = kernel.init(energy, x);
      checkNoLeak(() => [kernel.pullback!(energy, state, v, key(3))], 'pullback');
    },
    'a step shares no tensor with the state it came from, and leaks none': (kernel, energy) => {
      const x = starts(4);
      const state = kernel.init(energy, x);
      const { state: next, info } = kernel.step(energy, state, key(5));
      const old = new Set(tensorsIn(state).map(({ id }) => id));
      check(
        tensorsIn(next).every(({ id }) => !old.has(id)),
        'the new state holds a tensor of the old one',
      );
      dispose([next, info]);
      checkNoLeak(() => {
        const result = kernel.step(energy, state, key(5));
        return [...tensorsIn(result.state), ...tensorsIn(result.info)];
      }, 'step');
      checkNoLeak(() => tensorsIn(kernel.init(energy, x)), 'init');
      check(!x.isDisposed && !state.x.isDisposed, 'an input was disposed');
    },
    'a calibrated kernel leaves a Gaussian as it is': async (kernel, energy) => {
      if (!kernel.calibrated) return;
      const chains = 4000;
      let state = kernel.init(energy, tf.mul(normal(key(8), [chains, DIMENSION]), SCALES));
      for (let i = 0; i < 30; i++) {
        const { state: next, info } = kernel.step(energy, state, key(9));
        dispose([info, state]);
        state = next;
      }
      const { mean, variance } = tf.moments(state.x, 0);
      const means = await valuesOf(mean);
      const variances = await valuesOf(variance);
      SCALES.forEach((scale, i) => {
        // Five standard errors of a mean and of a variance over independent chains.
        check(Math.abs(means[i]!) < (5 * scale) / Math.sqrt(chains), `mean ${i} moved to ${means[i]}`);
        const relative = variances[i]! / scale ** 2 - 1;
        check(
          Math.abs(relative) < 5 * Math.sqrt(2 / chains),
          `variance ${i} moved by a factor ${1 + relative}`,
        );
      });
    },
  };
  const energy = fromFunction(
    (x) => tf.mul(tf.sum(tf.square(tf.div(x, SCALES)), 1), -0.5) as tf.Tensor1D,
    [DIMENSION],
  );
  return Object.entries(cases).map(([name, body]) => ({ name, run: async () => body(make(), energy) }));
}

function starts(n: number): tf.Tensor {
  return normal(key(6), [n, DIMENSION]);
}

function tensorsIn(record: object): tf.Tensor[] {
  return Object.values(record).filter((value): value is tf.Tensor => value instanceof tf.Tensor);
}
