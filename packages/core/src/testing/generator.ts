/** What every GeneratorModel must do. */
import * as tf from '@tensorflow/tfjs-core';
import { elements } from '../draws.ts';
import { InvalidArgumentError } from '../errors.ts';
import type { DifferentiableGenerator, GeneratorModel, Pullback } from '../generator.ts';
import { fromChain, key } from '../key.ts';
import {
  check,
  checkClose,
  checkNoLeak,
  checkRefuses,
  checkShape,
  type ConformanceCase,
  valuesOf,
} from './conformance.ts';

/** Cases for a generator; `make` gives a fresh one for each. */
export function generatorConformance(make: () => GeneratorModel): ConformanceCase[] {
  const cases: Record<string, (model: GeneratorModel) => Promise<void> | void> = {
    'prior and generate give [n, ...latent] and [n, ...event], finite': async (model) => {
      const z = model.prior(key(1), 3);
      checkShape(z, [3, ...model.latentShape], 'prior');
      const x = model.generate(z, key(2));
      checkShape(x, [3, ...model.eventShape], 'generate');
      check((await valuesOf(x)).every(Number.isFinite), 'a sample is not finite');
    },
    'latents and samples are pure functions of their keys': async (model) => {
      const z = model.prior(key(1), 2);
      checkClose(await valuesOf(model.prior(key(1), 2)), await valuesOf(z), 0, 'prior twice');
      check(
        (await valuesOf(model.prior(key(2), 2))).join() !== (await valuesOf(z)).join(),
        'two keys, one latent',
      );
      const first = await valuesOf(model.generate(z, key(3)));
      checkClose(await valuesOf(model.generate(z, key(3))), first, 0, 'generate twice');
    },
    'sample i is the same alone and in a batch': async (model) => {
      const z = model.prior(key(1), 4);
      const alone = model.prior(fromChain(key(1), 2), 1);
      const latent = elements(model.latentShape);
      checkClose(await valuesOf(alone), (await valuesOf(z)).slice(2 * latent, 3 * latent), 0, 'latent 2');
      const event = elements(model.eventShape);
      const all = (await valuesOf(model.generate(z, key(3)))).slice(2 * event, 3 * event);
      checkClose(await valuesOf(model.generate(alone, fromChain(key(3), 2))), all, 1e-4, 'sample 2');
    },
    'without a key the noise is off': async (model) => {
      const z = model.prior(key(1), 2);
      const quiet = await valuesOf(model.generate(z));
      checkClose(await valuesOf(model.generate(z)), quiet, 0, 'generate(z) twice');
    },
    'no tensor leaks, and latents stay usable': (model) => {
      const z = model.prior(key(1), 2);
      checkNoLeak(() => [model.prior(key(1), 2)], 'prior');
      checkNoLeak(() => [model.generate(z, key(2))], 'generate');
      check(!z.isDisposed, 'the latent was disposed');
    },
    'a pullback, where there is one, is at x = M(z) and leaks nothing': async (model) => {
      const z = model.prior(key(1), 2);
      const pullback = pullbackAt(model, z);
      if (pullback === undefined) return;
      checkClose(await valuesOf(pullback.x), await valuesOf(model.generate(z)), 1e-4, 'x');
      checkShape(pullback.vjp(pullback.x), z.shape, 'vjp');
      pullback.dispose();
      checkNoLeak(() => {
        const { x, vjp, dispose } = pullbackAt(model, z)!;
        const pulled = vjp(x);
        dispose();
        return [pulled];
      }, 'pullback');
    },
    'latents of another shape are refused': async (model) => {
      const wrong = tf.zeros([2, ...model.latentShape.map((size) => size + 1)]);
      await checkRefuses(() => model.generate(wrong), 'INVALID_SHAPE', 'a latent of another shape');
    },
  };
  return Object.entries(cases).map(([name, body]) => ({ name, run: async () => body(make()) }));
}

/** Undefined for a model without one, and for a short run of a kernel whose steps are not differentiable. */
function pullbackAt(model: GeneratorModel, z: tf.Tensor): Pullback | undefined {
  try {
    return (model as Partial<DifferentiableGenerator>).pullback?.(z);
  } catch (error) {
    if (error instanceof InvalidArgumentError && error.field === 'kernel') return undefined;
    throw error;
  }
}
