/** L-BFGS on latents, every row with its own curvature and its own step. */
import * as tf from '@tensorflow/tfjs-core';
import { requireInteger, tidy } from '@srmcmc/core';
import type { DescentMethod, DescentState, Objective } from './descent.ts';

export interface LbfgsOptions {
  /** Pairs of steps and gradient differences that are remembered; 10 unless given. */
  readonly memory?: number;
  /** Times that a step is halved before its row stays where it is; 12 unless given. */
  readonly halvings?: number;
}

/** A step s, the gradient difference y it made, and 1 / (s · y) by row, 0 where the row does not use the pair. */
interface Pair {
  readonly s: tf.Tensor2D;
  readonly y: tf.Tensor2D;
  readonly weight: tf.Tensor2D;
}

interface LbfgsState extends DescentState {
  /** Oldest first. */
  readonly pairs: readonly Pair[];
}

/** The decrease that is asked of a step, as a fraction of the one its slope promises (Armijo 1966). */
const SUFFICIENT = 1e-4;
/** Pairs whose curvature is less than this fraction of s · s would spoil the inverse Hessian. */
const LEAST_CURVATURE = 1e-8;

/**
 * Limited-memory BFGS (Nocedal 1980; Nocedal and Wright 2006, algorithm 7.4) with backtracking: no row's value ever
 * rises. A row for which no step helps stays where it is.
 */
export function lbfgs(options: LbfgsOptions = {}): DescentMethod<LbfgsState> {
  const { memory = 10, halvings = 12 } = options;
  requireInteger('memory', memory, 1);
  requireInteger('halvings', halvings, 1);
  return {
    name: 'l-bfgs',
    init: (objective, z) => ({ ...objective.evaluate(z), z: z.clone(), iteration: 0, pairs: [] }),
    step: async (objective, state) => {
      const { direction, slope } = descentDirection(state);
      const z = await backtracked(objective, state, direction, slope, halvings);
      direction.dispose();
      slope.dispose();
      return tidy(() => {
        const next = objective.evaluate(z);
        const kept = state.pairs.slice(-(memory - 1)).map(copyOf);
        const pairs = [...(memory > 1 ? kept : []), pairOf(state, z, next.grad)];
        return { ...next, z, iteration: state.iteration + 1, pairs };
      });
    },
  };
}

/** −H g by the two-loop recursion, and its slope g · d [n, 1]. Before any pair, the gradient at length 1 at most. */
function descentDirection({ grad, pairs }: LbfgsState): { direction: tf.Tensor2D; slope: tf.Tensor2D } {
  return tidy(() => {
    let q = grad;
    const alphas = new Map<Pair, tf.Tensor2D>();
    for (const pair of [...pairs].reverse()) {
      const alpha = tf.mul(pair.weight, dot(pair.s, q)) as tf.Tensor2D;
      alphas.set(pair, alpha);
      q = tf.sub(q, tf.mul(alpha, pair.y)) as tf.Tensor2D;
    }
    let r = tf.mul(q, initialScale(grad, pairs)) as tf.Tensor2D;
    for (const pair of pairs) {
      const beta = tf.mul(pair.weight, dot(pair.y, r));
      r = tf.add(r, tf.mul(pair.s, tf.sub(alphas.get(pair)!, beta))) as tf.Tensor2D;
    }
    const newton = tf.neg(r) as tf.Tensor2D;
    const newtonSlope = dot(grad, newton);
    // Rounding may leave a direction that ascends: then the gradient itself is taken.
    const descends = tf.less(newtonSlope, 0);
    const plain = tf.neg(tf.mul(grad, initialScale(grad, []))) as tf.Tensor2D;
    return {
      direction: tf.where(descends, newton, plain) as tf.Tensor2D,
      slope: tf.where(descends, newtonSlope, dot(grad, plain)) as tf.Tensor2D,
    };
  });
}

/** (s · y) / (y · y) of each row's newest pair that it uses; min(1, 1 / ‖g‖) for rows that use none. [n, 1]. */
function initialScale(grad: tf.Tensor2D, pairs: readonly Pair[]): tf.Tensor2D {
  let scale = tf.div(1, tf.maximum(tf.sqrt(dot(grad, grad)), 1)) as tf.Tensor2D;
  for (const { y, weight } of pairs) {
    const used = tf.greater(weight, 0);
    const curvature = tf.mul(weight, dot(y, y));
    const inverse = tf.div(1, tf.where(used, curvature, tf.onesLike(curvature)));
    scale = tf.where(used, inverse, scale) as tf.Tensor2D;
  }
  return scale;
}

/** z + t d, t the first of 1, ½, ¼, ... by row that decreases the value enough, or 0. */
async function backtracked(
  objective: Objective,
  { z, value }: LbfgsState,
  direction: tf.Tensor2D,
  slope: tf.Tensor2D,
  halvings: number,
): Promise<tf.Tensor2D> {
  const [start, slopes] = [await value.data(), await slope.data()];
  const n = start.length;
  const steps = new Float32Array(n).fill(1);
  const settled = Array.from(slopes, (one) => !(one < 0));
  settled.forEach((flat, row) => {
    if (flat) steps[row] = 0;
  });
  for (let halving = 0; halving <= halvings && settled.includes(false); halving++) {
    const tried = tf.tidy(() => objective.valueAt(moved(z, direction, steps)));
    const values = await tried.data();
    tried.dispose();
    for (let row = 0; row < n; row++) {
      if (settled[row]) continue;
      if (values[row]! <= start[row]! + SUFFICIENT * steps[row]! * slopes[row]!) settled[row] = true;
      else steps[row] = halving === halvings ? 0 : steps[row]! / 2;
    }
  }
  return tf.tidy(() => moved(z, direction, steps));
}

function moved(z: tf.Tensor2D, direction: tf.Tensor2D, steps: Float32Array): tf.Tensor2D {
  return tf.add(z, tf.mul(direction, tf.tensor2d(steps, [steps.length, 1]))) as tf.Tensor2D;
}

function pairOf(state: LbfgsState, z: tf.Tensor2D, grad: tf.Tensor2D): Pair {
  const s = tf.sub(z, state.z) as tf.Tensor2D;
  const y = tf.sub(grad, state.grad) as tf.Tensor2D;
  const curvature = dot(s, y);
  const used = tf.greater(curvature, tf.mul(dot(s, s), LEAST_CURVATURE));
  const weight = tf.where(
    used,
    tf.div(1, tf.where(used, curvature, tf.onesLike(curvature))),
    tf.zerosLike(curvature),
  );
  return { s, y, weight: weight as tf.Tensor2D };
}

function copyOf({ s, y, weight }: Pair): Pair {
  return { s: s.clone(), y: y.clone(), weight: weight.clone() };
}

/** Row by row, [n, 1]. */
function dot(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  return tf.sum(tf.mul(a, b), 1, true);
}
