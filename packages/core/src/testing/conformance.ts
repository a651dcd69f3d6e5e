/** What the conformance suites share: cases for any test runner, and checks that fail with a sentence. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * One claim and its proof. Runs under any test runner:
 * `for (const { name, run } of kernelConformance(make)) test(name, run)`.
 */
export interface ConformanceCase {
  readonly name: string;
  /** Throws an Error that says what was wrong. */
  run(): Promise<void>;
}

/** Throws an Error with this message unless the condition holds. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Throws unless two arrays agree within `tolerance`, absolute and relative to the larger value. */
export function checkClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  check(actual.length === expected.length, `${what}: ${actual.length} values, expected ${expected.length}`);
  for (let i = 0; i < actual.length; i++) {
    const a = actual[i]!;
    const b = expected[i]!;
    const bound = tolerance * Math.max(1, Math.abs(a), Math.abs(b));
    check(Math.abs(a - b) <= bound, `${what}: element ${i} is ${a}, expected ${b} within ${bound}`);
  }
}

/** Throws unless a tensor has this shape. */
export function checkShape(tensor: tf.Tensor, shape: readonly number[], what: string): void {
  check(
    tensor.shape.join() === shape.join(),
    `${what}: shape [${tensor.shape.join()}], expected [${shape.join()}]`,
  );
}

/** The values of a tensor as plain floats. */
export async function valuesOf(tensor: tf.Tensor): Promise<Float32Array> {
  return Float32Array.from(await tensor.data());
}

/** Throws unless `compute` leaves as many tensors behind as it returns. Disposes what it returns. */
export function checkNoLeak(compute: () => tf.Tensor[], what: string): void {
  // The first call may create what a backend keeps for good.
  tf.dispose(compute());
  const before = tf.memory().numTensors;
  const made = compute();
  const grown = tf.memory().numTensors - before - new Set(made.map(({ id }) => id)).size;
  tf.dispose(made);
  check(
    grown === 0,
    `${what}: ${grown} tensors leaked; tidy() of @srmcmc/core disposes what is not returned`,
  );
  check(tf.memory().numTensors === before, `${what}: its outputs are not all the caller's`);
}

/** Throws unless `compute` throws an error with this code. */
export async function checkRefuses(compute: () => unknown, code: string, what: string): Promise<void> {
  let thrown: unknown;
  try {
    await compute();
  } catch (error) {
    thrown = error;
  }
  check(thrown !== undefined, `${what}: was accepted`);
  const actual = (thrown as { code?: string }).code;
  check(actual === code, `${what}: threw ${String(thrown)}, expected an error with code ${code}`);
}
