/** What a linear energy is linear in: fixed features h(x) of an event. */
import * as tf from '@tensorflow/tfjs-core';
import { InvalidArgumentError, InvalidShapeError, requireEvents, requireInteger } from '@srmcmc/core';

/** Features [n, d] of events [n, ...event]. Methods borrow their inputs; their outputs are the caller's. */
export interface Features {
  readonly eventShape: readonly number[];
  /** One name a feature, d in all. */
  readonly names: readonly string[];
  /** How many positions every feature is a mean over, so that `positions` · h is a sum; 1 where it is no mean. */
  readonly positions: number;
  /** h(x), made of differentiable tfjs operators. Chains are independent. */
  apply(x: tf.Tensor): tf.Tensor2D;
  dispose(): void;
}

export interface FunctionFeaturesOptions {
  readonly eventShape: readonly number[];
  /** d. */
  readonly dimension: number;
  /** h: [n, ...event] to [n, d], of differentiable tfjs operators. */
  readonly apply: (x: tf.Tensor) => tf.Tensor;
  /** `h0`, `h1`, ... unless given. */
  readonly names?: readonly string[];
  /** See `Features`; 1 unless given. */
  readonly positions?: number;
}

/**
 * Any differentiable function as features: moments written by hand, or a network's.
 *
 * @throws InvalidArgumentError for a dimension and names that disagree. Its `apply` throws InvalidShapeError where the
 * function does not give [n, d].
 */
export function functionFeatures(options: FunctionFeaturesOptions): Features {
  const { eventShape, dimension, apply, positions = 1 } = options;
  requireInteger('dimension', dimension, 1);
  const names = options.names ?? Array.from({ length: dimension }, (_, j) => `h${j}`);
  if (names.length !== dimension) {
    throw new InvalidArgumentError('names', `must be ${dimension}, one a feature, got ${names.length}`);
  }
  if (!(positions > 0)) throw new InvalidArgumentError('positions', `must be positive, got ${positions}`);
  return {
    eventShape,
    names,
    positions,
    apply: (x) => {
      requireEvents('x', x, eventShape);
      const h = tf.tidy(() => apply(x));
      if (h.rank !== 2 || h.shape[0] !== x.shape[0] || h.shape[1] !== dimension) {
        throw new InvalidShapeError('h(x)', [x.shape[0]!, dimension], h.shape);
      }
      return h as tf.Tensor2D;
    },
    dispose: () => undefined,
  };
}

/**
 * The features of all parts side by side, in their order.
 *
 * @throws InvalidArgumentError for no parts, or parts that are means over different numbers of positions;
 * InvalidShapeError for parts of different events.
 */
export function joinFeatures(...parts: readonly Features[]): Features {
  const [first] = parts;
  if (first === undefined) throw new InvalidArgumentError('parts', 'must hold at least one');
  const { eventShape, positions } = first;
  for (const part of parts) {
    if (part.eventShape.join() !== eventShape.join()) {
      throw new InvalidShapeError('parts', eventShape, part.eventShape);
    }
    if (part.positions !== positions) {
      throw new InvalidArgumentError('parts', `are means over ${positions} and ${part.positions} positions`);
    }
  }
  return {
    eventShape,
    positions,
    names: parts.flatMap(({ names }) => names),
    apply: (x) =>
      tf.tidy(() => {
        const each = parts.map((part) => part.apply(x));
        return tf.concat(each, 1) as tf.Tensor2D;
      }),
    dispose: () => parts.forEach((part) => part.dispose()),
  };
}
