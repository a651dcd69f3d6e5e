/** Numbers as the reports show them. */

/** Three significant digits, never an exponent: `0.0123`, `12.3`, `1230`. */
export function digits(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** `73 %`; under ten percent `1.2 %`. */
export function percent(fraction: number): string {
  const value = 100 * fraction;
  if (value > 0 && value < 0.05) return '< 0.1 %';
  return `${value >= 9.95 ? value.toFixed(0) : value.toFixed(1)} %`;
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/** `412 µs`, `52.3 ms`, `5.2 s`. */
export function duration(seconds: number): string {
  if (seconds >= 1) return `${digits(seconds)} s`;
  return seconds >= 1e-3 ? `${digits(1e3 * seconds)} ms` : `${digits(1e6 * seconds)} µs`;
}
