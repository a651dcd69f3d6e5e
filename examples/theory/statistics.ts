/** Of numbers. */

export function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** The mean square of the distances from the mean. */
export function variance(values: readonly number[]): number {
  const centre = mean(values);
  return mean(values.map((value) => (value - centre) ** 2));
}

export function deviation(values: readonly number[]): number {
  return Math.sqrt(variance(values));
}
