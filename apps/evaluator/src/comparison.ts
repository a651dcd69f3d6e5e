/** Results of several sets of images beside each other, where they may be. */
import { difference, IncomparableError, type Measurement, requireComparable } from '@srmcmc/metrics';
import { aligned } from './aligned.ts';
import type { About, Result } from './result.ts';
import { countsOf, digits, fields, shortName, warningsOf } from './words.ts';

/** One measure of all sets. */
export interface Column {
  /** 'frechet-distance, pixels 8×8×3' */
  readonly title: string;
  /** In the order of the results. */
  readonly measurements: readonly Measurement[];
}

/**
 * A column for each measure.
 *
 * @throws IncomparableError where results lack a measure that others have, or were computed in different ways.
 */
export function columnsOf(results: readonly Result[]): Column[] {
  const [first, ...others] = results;
  const wanted = first!.measurements.map(titleOf);
  for (const other of others) {
    const found = other.measurements.map(titleOf);
    const lacking = [
      ...wanted
        .filter((title) => !found.includes(title))
        .map((title) => `${title}: only ${first!.name} has it`),
      ...found
        .filter((title) => !wanted.includes(title))
        .map((title) => `${title}: only ${other.name} has it`),
    ];
    if (lacking.length > 0) throw new IncomparableError(`${first!.name} and ${other.name}`, lacking);
  }
  const names = results.map(({ name }) => name);
  return wanted.map((title) => {
    const measurements = results.map((result) => result.measurements.find((one) => titleOf(one) === title)!);
    requireComparable(measurements, names);
    return { title, measurements };
  });
}

function titleOf({ metric, computedWith: { features } }: Measurement): string {
  return features === undefined ? metric : `${metric}, ${features.name}`;
}

/** A row for each measure, a column for each set, and what a reader of them must know. */
export function comparisonTable(
  results: readonly Result[],
  columns: readonly Column[],
  reference: About,
): string {
  const header = ['', ...results.map(({ name }) => shortName(name))];
  const rows = columns.map(({ title, measurements }) => [title, ...measurements.map(valueWithError)]);
  const subjects = results.map(({ name, images }) => [name, fields(images)]);
  const how = columns.map(({ title, measurements: [first] }) => [title, howComputed(first!)]);
  const warnings = results.flatMap(({ name, measurements }) =>
    warningsOf(measurements).map((warning) => `warning: ${name}: ${warning}`),
  );
  const parts = [
    aligned([...subjects, ['reference', fields(reference)]], ['left', 'left']),
    aligned([header, ...rows]),
    ...differencesOf(results, columns),
    aligned(how, ['left', 'left']),
    ...warnings,
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Of every set from the first, with their errors, where there are any. */
function differencesOf(results: readonly Result[], columns: readonly Column[]): string[] {
  const withErrors = columns.filter(({ measurements }) =>
    measurements.every(({ standardError }) => standardError !== undefined),
  );
  if (withErrors.length === 0 || results.length < 2) return [];
  const header = [
    '',
    ...results.slice(1).map(({ name }) => `${shortName(name)} − ${shortName(results[0]!.name)}`),
  ];
  const rows = withErrors.map(({ title, measurements: [first, ...others] }) => [
    title,
    ...others.map((other) => {
      const { value, standardError, z } = difference(other, first!);
      const inErrors = z === undefined ? '' : ` (z ${Number(z.toPrecision(2))})`;
      return `${digits(value)} ± ${digits(standardError)}${inErrors}`;
    }),
  ]);
  return [aligned([header, ...rows])];
}

/** '12.3 ± 0.4', or with the spread over subsets or splits where there is no error. */
function valueWithError({ value, standardError, deviation }: Measurement): string {
  if (standardError !== undefined) return `${digits(value)} ± ${digits(standardError)}`;
  return deviation === undefined ? digits(value) : `${digits(value)} (spread ${digits(deviation)})`;
}

/** Features, weights, resizing, counts and settings, as one text. */
function howComputed(measurement: Measurement): string {
  const { features, settings } = measurement.computedWith;
  const { interval } = measurement;
  const parts = [
    features === undefined ? '' : `${features.dimension} features`,
    features?.weights == null ? '' : `weights ${features.weights.slice(0, 8)}`,
    features?.resize == null ? '' : `resizing ${features.resize}`,
    features?.precision == null ? '' : `precision ${features.precision}`,
    `counts ${countsOf(measurement)}`,
    fields(settings),
    interval === undefined
      ? ''
      : `errors by the ${interval.method}, ${interval.resamplings} resamplings, seed ${interval.seed}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}
