/** What a handful of noisy timings says: order statistics, which one slow sample does not move. */

/** Standard normal: the interquartile range in standard deviations. */
const NORMAL_IQR = 1.349;
/** Standard normal: the standard error of a median in those of a mean, √(π/2). */
const MEDIAN_EFFICIENCY = 1.2533;

/** The value that a fraction p of `values` lies below, interpolated as R and NumPy do by default. */
export function quantile(values: readonly number[], p: number): number {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const position = p * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.ceil(position);
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The width of the middle half. */
export function interquartileRange(values: readonly number[]): number {
  return quantile(values, 0.75) - quantile(values, 0.25);
}

/** The standard error of the median of `count` values whose interquartile range this is, were they normal. */
export function medianError(range: number, count: number): number {
  return (MEDIAN_EFFICIENCY * range) / (NORMAL_IQR * Math.sqrt(count));
}
