/** The numbers of one iteration: what is plotted, and what tells that learning has diverged. */
import * as tf from '@tensorflow/tfjs-core';
import type { LearningStep } from '@srmcmc/estimators';

export interface Measurement {
  /** Iterations made, this one included. */
  readonly iteration: number;
  /** Mean f(x⁺) and mean f(x⁻). */
  readonly dataValue: number;
  readonly sampleValue: number;
  /** Mean Euclidean norm of ∂f/∂x over chains and steps, as in Table 2 of the paper. */
  readonly gradientNorm: number;
  /** Mean |x⁻| over pixels. */
  readonly sampleMagnitude: number;
  readonly learningRate: number;
  readonly sigma: number;
}

/** A measurement, and the sum of the absolute values of all that was learned: finite as long as every number is. */
export type CheckedMeasurement = Omit<Measurement, 'learningRate' | 'sigma'> & { readonly weightSum: number };

/** Reads the numbers of a step back, all at once. Borrows. */
export async function measure(
  step: LearningStep,
  variables: Readonly<Record<string, tf.Variable>>,
): Promise<CheckedMeasurement> {
  const numbers = tf.tidy(() => {
    const learned = [...Object.values(variables), ...Object.values(step.state.optimizer.moments)];
    return tf.stack([
      step.dataValue,
      step.sampleValue,
      tf.mean(step.trace.gradientNorm),
      tf.mean(tf.abs(step.samples)),
      tf.addN(learned.map((tensor) => tf.sum(tf.abs(tensor)))),
    ]);
  });
  const [dataValue, sampleValue, gradientNorm, sampleMagnitude, weightSum] =
    (await numbers.data()) as unknown as [number, number, number, number, number];
  numbers.dispose();
  return {
    iteration: step.state.iteration,
    dataValue,
    sampleValue,
    gradientNorm,
    sampleMagnitude,
    weightSum,
  };
}
