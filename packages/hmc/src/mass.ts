/** The mass of Hamiltonian dynamics, as a factor of its inverse: M⁻¹ = L Lᵀ. */
import * as tf from '@tensorflow/tfjs-core';
import { elements, InvalidArgumentError, InvalidShapeError } from '@srmcmc/core';

/**
 * M⁻¹ as plain data: its diagonal, or all of its rows. The best choice is about the covariance of x; the elements
 * of an event are numbered in row-major order.
 */
export type InverseMass = readonly number[] | readonly (readonly number[])[];

/** v ↦ L v and v ↦ Lᵀ v on [n, ...event]. */
export interface MassFactor {
  apply(v: tf.Tensor): tf.Tensor;
  applyTransposed(v: tf.Tensor): tf.Tensor;
  /** The diagonal of L, where L is diagonal and not I. */
  readonly diagonal?: readonly number[];
}

/**
 * L for events of a shape; no `inverseMass` is M = I. The tensors that a factor holds belong to the tidy in which
 * it was made.
 *
 * @throws InvalidArgumentError unless M⁻¹ is positive definite; the result throws InvalidShapeError for events of
 * another size.
 */
export function massFactor(inverseMass?: InverseMass): (eventShape: readonly number[]) => MassFactor {
  if (inverseMass === undefined) return () => ({ apply: (v) => v, applyTransposed: (v) => v });
  const size = inverseMass.length;
  if (size === 0) throw new InvalidArgumentError('inverseMass', 'is empty; leave it out for a unit mass');
  const requireSize = (eventShape: readonly number[]): void => {
    if (elements(eventShape) !== size)
      throw new InvalidShapeError('inverseMass', [elements(eventShape)], [size]);
  };
  if (isDense(inverseMass)) {
    const factor = Float32Array.from(cholesky(inverseMass).flat());
    return (eventShape) => {
      requireSize(eventShape);
      const matrix = tf.tensor2d(factor, [size, size]);
      const product = (v: tf.Tensor, transpose: boolean): tf.Tensor =>
        tf.reshape(tf.matMul(tf.reshape(v, [-1, size]), matrix, false, transpose), v.shape);
      // Events are rows, so that L v is v Lᵀ.
      return { apply: (v) => product(v, true), applyTransposed: (v) => product(v, false) };
    };
  }
  const roots = Array.from(inverseMass, (entry, i) => {
    if (!(entry > 0 && Number.isFinite(entry)))
      throw new InvalidArgumentError(`inverseMass[${i}]`, `must be positive, got ${entry}`);
    return Math.sqrt(entry);
  });
  return (eventShape) => {
    requireSize(eventShape);
    const scale = tf.tensor(roots, [1, ...eventShape]);
    const multiply = (v: tf.Tensor): tf.Tensor => tf.mul(v, scale);
    return { apply: multiply, applyTransposed: multiply, diagonal: roots };
  };
}

export function isDense(inverseMass?: InverseMass): inverseMass is readonly (readonly number[])[] {
  return Array.isArray(inverseMass?.[0]);
}

/** The lower triangle L with L Lᵀ = `matrix`, as rows. */
function cholesky(matrix: readonly (readonly number[])[]): number[][] {
  const size = matrix.length;
  const factor = matrix.map((row, i) => {
    if (row.length !== size)
      throw new InvalidArgumentError(`inverseMass[${i}]`, `must have ${size} entries, got ${row.length}`);
    return Array.from({ length: size }, () => 0);
  });
  matrix.forEach((row, i) => {
    for (let j = 0; j <= i; j++) {
      // Written so that a NaN is asymmetric. An estimate from samples is symmetric but for rounding.
      if (!(Math.abs(row[j]! - matrix[j]![i]!) <= 1e-6 * Math.abs(row[j]!)))
        throw new InvalidArgumentError(`inverseMass[${i}][${j}]`, `is not symmetric, got ${row[j]}`);
      let rest = row[j]!;
      for (let k = 0; k < j; k++) rest -= factor[i]![k]! * factor[j]![k]!;
      if (i !== j) factor[i]![j] = rest / factor[j]![j]!;
      else if (rest > 0 && Number.isFinite(rest)) factor[i]![i] = Math.sqrt(rest);
      else throw new InvalidArgumentError('inverseMass', `must be positive definite, and fails in row ${i}`);
    }
  });
  return factor;
}
