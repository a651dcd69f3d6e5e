/** Reconstruction: the latent whose sample is nearest to a given one (Nijkamp et al. 2019, 3.4, Fig. 4, Table 1b). */
import * as tf from '@tensorflow/tfjs-core';
import {
  type DifferentiableGenerator,
  dispose,
  DivergedError,
  elements,
  InvalidShapeError,
  type Key,
  requireEvents,
  requireInteger,
  split,
  turn,
} from '@srmcmc/core';
import { adam } from './adam.ts';
import type { DescentMethod, DescentState, Objective } from './descent.ts';
import { type Likelihood, squaredError } from './likelihood.ts';

export interface ReconstructionOptions<S extends DescentState = DescentState> {
  /** Draws the latents that the descents start from: the prior's. */
  readonly key: Key;
  /** Adam unless given. */
  readonly method?: DescentMethod<S>;
  /** Steps of each descent; 100 unless given. */
  readonly iterations?: number;
  /** Descents for each sample, from latents of their own; the best is kept. 1 unless given. */
  readonly restarts?: number;
  /** ‖x − M(z)‖² unless given. */
  readonly likelihood?: Likelihood;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ReconstructionProgress) => void;
}

export interface ReconstructionProgress {
  readonly restart: number;
  readonly iteration: number;
  /** Mean over the samples of what is minimised. */
  readonly loss: number;
}

/** Tensors are the caller's. */
export interface Reconstruction {
  /** [n, ...latent]. */
  readonly z: tf.Tensor;
  /** M(z), [n, ...event]. */
  readonly x: tf.Tensor;
  /** What was minimised, by sample. */
  readonly loss: readonly number[];
  /** Squared error an element (Table 1b of the paper reports its mean), by sample. */
  readonly meanSquaredError: readonly number[];
  /** The loss before the first step and after each, [iterations + 1][n], of the descents that were kept. */
  readonly history: readonly (readonly number[])[];
}

/**
 * The latents z that minimise −log p(observed | M(z)) for observed [n, ...event], which is borrowed, the noise of the
 * generator off. Samples are independent of each other; the event loop turns between steps.
 *
 * @throws InvalidShapeError for a wrong shape; DivergedError when a loss is not finite at the start; the signal's
 * reason when it is aborted, with nothing leaked.
 */
export async function reconstruct<S extends DescentState>(
  model: DifferentiableGenerator,
  observed: tf.Tensor,
  options: ReconstructionOptions<S>,
): Promise<Reconstruction> {
  const { key, iterations = 100, restarts = 1, likelihood = squaredError() } = options;
  const method = (options.method ?? adam()) as DescentMethod;
  requireEvents('observed', observed, model.eventShape);
  requireInteger('iterations', iterations, 0);
  requireInteger('restarts', restarts, 1);
  const n = observed.shape[0]!;
  const objective = objectiveOf(model, observed, likelihood);
  let best: Descent | undefined;
  try {
    for (const [restart, startKey] of split(key, restarts).entries()) {
      const start = tf.tidy(() => {
        const z = model.prior(startKey, n);
        if (z.shape.slice(1).join() !== model.latentShape.join()) {
          throw new InvalidShapeError('prior', [n, ...model.latentShape], z.shape);
        }
        return tf.reshape(z, [n, -1]) as tf.Tensor2D;
      });
      const found = await descend(method, objective, start, iterations, async (iteration, losses) => {
        options.onProgress?.({ restart, iteration, loss: losses.reduce((a, b) => a + b, 0) / n });
        await turn();
        options.signal?.throwIfAborted();
      });
      best = best === undefined ? found : better(best, found);
    }
    const z = tf.reshape(best!.z, [n, ...model.latentShape]);
    const x = model.generate(z);
    const meanSquaredError = await squaredErrors(model, best!.z, observed);
    const { history } = best!;
    return { z, x, loss: history.at(-1)!, meanSquaredError, history };
  } finally {
    best?.z.dispose();
  }
}

interface Descent {
  readonly z: tf.Tensor2D;
  readonly history: readonly (readonly number[])[];
}

/** `start` is disposed. */
async function descend(
  method: DescentMethod,
  objective: Objective,
  start: tf.Tensor2D,
  iterations: number,
  afterStep: (iteration: number, losses: readonly number[]) => Promise<void>,
): Promise<Descent> {
  const history: number[][] = [];
  let state = tf.tidy(
    () => method.init(objective, start) as unknown as tf.TensorContainer,
  ) as unknown as DescentState;
  start.dispose();
  try {
    history.push(Array.from(await state.value.data()));
    if (!history[0]!.every(Number.isFinite)) {
      throw new DivergedError(
        'the loss of a first latent is not finite: check the model, and the observation for NaN',
      );
    }
    await afterStep(0, history[0]!);
    for (let iteration = 1; iteration <= iterations; iteration++) {
      const next = await method.step(objective, state);
      dispose(state);
      state = next;
      history.push(Array.from(await state.value.data()));
      await afterStep(iteration, history[iteration]!);
    }
    return { z: state.z.clone(), history };
  } finally {
    dispose(state);
  }
}

/** Row by row the descent that ended lower; a loss that is not a number is the worst. Disposes both. */
function better(a: Descent, b: Descent): Descent {
  const [first, second] = [a.history.at(-1)!, b.history.at(-1)!];
  const takesSecond = first.map((loss, row) => second[row]! < loss || Number.isNaN(loss));
  const z = tf.tidy(() => {
    const chosen = tf.tensor2d(takesSecond, [takesSecond.length, 1], 'bool');
    return tf.where(chosen, b.z, a.z) as tf.Tensor2D;
  });
  a.z.dispose();
  b.z.dispose();
  const history = a.history.map((losses, i) =>
    losses.map((loss, row) => (takesSecond[row] ? b.history[i]![row]! : loss)),
  );
  return { z, history };
}

function objectiveOf(model: DifferentiableGenerator, observed: tf.Tensor, likelihood: Likelihood): Objective {
  const shaped = (z: tf.Tensor2D): tf.Tensor => tf.reshape(z, [z.shape[0], ...model.latentShape]);
  return {
    evaluate: (z) =>
      tf.tidy(() => {
        const pullback = model.pullback(shaped(z));
        try {
          const { value, grad } = likelihood(pullback.x, observed);
          return { value, grad: tf.reshape(pullback.vjp(grad), z.shape) as tf.Tensor2D };
        } finally {
          pullback.dispose();
        }
      }),
    valueAt: (z) => tf.tidy(() => likelihood(model.generate(shaped(z)), observed).value),
  };
}

async function squaredErrors(
  model: DifferentiableGenerator,
  z: tf.Tensor2D,
  observed: tf.Tensor,
): Promise<number[]> {
  const sums = tf.tidy(() => {
    const x = model.generate(tf.reshape(z, [z.shape[0], ...model.latentShape]));
    return tf.sum(tf.reshape(tf.square(tf.sub(x, observed)), [z.shape[0], -1]), 1);
  });
  const values = Array.from(await sums.data(), (sum) => sum / elements(model.eventShape));
  sums.dispose();
  return values;
}
