/** Numbers and records as a reader of tables wants them. */
import type { Measurement } from '@srmcmc/metrics';
import type { About } from './result.ts';

const LONGEST_NAME = 32;

/** Five digits are more than any of these numbers is known to. */
const DIGITS = 5;
/** Below it, zeros hide how small a number is. */
const LEAST_PLAIN = 1e-4;

export function fields(record: About): string {
  return Object.entries(record)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

export function digits(value: number | undefined): string {
  if (value === undefined) return '';
  const isTiny = value !== 0 && Math.abs(value) < LEAST_PLAIN;
  return isTiny ? value.toExponential(2) : String(Number(value.toPrecision(DIGITS)));
}

/** The files that were written besides what is printed, a line each. */
export function written({
  report,
  json,
}: {
  readonly report?: string | undefined;
  readonly json?: string | true | undefined;
}): string {
  const files = [
    ...(report === undefined ? [] : [`${report}: the report`]),
    ...(typeof json === 'string' ? [`${json}: the numbers`] : []),
  ];
  return files.map((file) => `\n${file}`).join('') + (files.length === 0 ? '' : '\n');
}

/** Of a long path the end, which tells paths apart. */
export function shortName(name: string): string {
  return name.length <= LONGEST_NAME ? name : `…${name.slice(1 - LONGEST_NAME)}`;
}

/** How many examples were compared with how many. */
export function countsOf({ computedWith: { samples, reference } }: Measurement): string {
  return reference === undefined ? countOf(samples) : `${countOf(samples)} and ${countOf(reference.count)}`;
}

function countOf(count: number): string {
  return Number.isFinite(count) ? String(count) : 'unknown';
}

/** The warnings of all, each once. */
export function warningsOf(measurements: readonly Measurement[]): string[] {
  return [...new Set(measurements.flatMap(({ warnings }) => warnings))];
}
