/** A comparison as a table for people. */
import { aligned } from '../aligned.ts';
import type { Comparison, Gap } from './comparison.ts';
import { GROUPS } from './jackknife.ts';

/** What was compared. */
export interface About {
  readonly model: string;
  readonly iteration?: number;
  readonly steps: number;
  readonly seed: number;
  readonly noise: boolean;
  readonly reference: string;
  readonly sigma: number;
}

/** Digits of a standard error; its value is printed to the same place. */
const ERROR_DIGITS = 2;

export function comparisonTable(comparison: Comparison, about: About): string {
  const { counts, statistics, distances, powerSpectrum } = comparison;
  const spectrum = powerSpectrum.filter(({ frequency }) => Number.isInteger(Math.log2(frequency)));
  const rows = [...statistics, ...spectrum].map(({ name, samples, data, gap, baseline }) => [
    name,
    withError(samples),
    withError(data),
    withError(gap),
    formatZ(gap),
    withError(baseline),
    formatZ(baseline),
  ]);
  const distanceRows = distances.map(({ name, samplesToData, dataToData }) => [
    name,
    withError(samplesToData),
    withError(dataToData),
    times(samplesToData.value / dataToData.value),
  ]);
  const learned = about.iteration === undefined ? '' : `, ${about.iteration} iterations`;
  const smoothed = about.sigma === 0 ? '' : ` + N(0, ${about.sigma}²)`;
  return [
    `${counts.samples} samples of ${about.model}${learned}, K = ${about.steps}, seed ${about.seed}${about.noise ? '' : ', no noise'}`,
    `data and other data: disjoint sets of ${counts.data} examples each of ${about.reference}${smoothed}`,
    `± one standard error (jackknife over ${Math.min(GROUPS, counts.data)} groups); z = difference / error, noise where |z| < 3`,
    '',
    aligned([['', 'samples', 'data', 'samples − data', 'z', 'other data − data', 'z'], ...rows]),
    '',
    aligned([['distance', 'samples to data', 'other data to data', 'ratio'], ...distanceRows]),
    'Two sets from one source are never at distance 0: a ratio near 1 means that no gap shows.',
    '',
  ].join('\n');
}

/** A value to the digits that its standard error leaves it; four where there is none. */
export function withError({ value, standardError = 0 }: { value: number; standardError?: number }): string {
  if (!(standardError > 0) || !Number.isFinite(value)) return signed(formatPlain(value));
  const decimals = ERROR_DIGITS - 1 - Math.floor(Math.log10(standardError));
  if (decimals > 6) return `${signed(value.toExponential(2))} ± ${standardError.toExponential(1)}`;
  const places = Math.max(decimals, 0);
  return `${signed(value.toFixed(places))} ± ${standardError.toFixed(places)}`;
}

function formatPlain(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : 'undefined';
}

function formatZ({ z }: Gap): string {
  return z === null || !Number.isFinite(z) ? '' : signed(z.toFixed(1));
}

function times(ratio: number): string {
  return Number.isFinite(ratio) ? `${ratio.toFixed(ratio < 10 ? 2 : 0)}×` : '';
}

/** With a minus sign in place of a hyphen, and no minus before zero. */
function signed(digits: string): string {
  return digits.replace(/^-(?=[0.]*$)/, '').replace(/^-/, '−');
}
