/** The numbers of a report: for each kind of features a table, with a row a measure and a column a set. */
import { escapeXml } from '@srmcmc/figures';
import { difference, type Measurement } from '@srmcmc/metrics';
import type { Column } from '../comparison.ts';
import type { Result } from '../result.ts';
import { countsOf, digits, fields, shortName, warningsOf } from '../words.ts';

interface Meaning {
  readonly name: string;
  readonly better: 'lower' | 'higher';
  readonly note: string;
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  'frechet-distance': {
    name: 'Fréchet distance',
    better: 'lower',
    note: 'between Gaussians with the means and covariances of the features',
  },
  'frechet-distance-infinity': {
    name: 'Fréchet distance, N → ∞',
    better: 'lower',
    note: 'extrapolated to infinitely many samples',
  },
  'kernel-distance': {
    name: 'Kernel distance (KID)',
    better: 'lower',
    note: 'maximum mean discrepancy, unbiased',
  },
  precision: { name: 'Precision', better: 'higher', note: 'share of samples that lie near data' },
  recall: { name: 'Recall', better: 'higher', note: 'share of data that samples lie near to' },
  density: { name: 'Density', better: 'higher', note: 'how many data each sample lies near to' },
  coverage: {
    name: 'Coverage',
    better: 'higher',
    note: 'share of data that have a sample among their neighbours',
  },
  'inception-score': {
    name: 'Inception Score',
    better: 'higher',
    note: 'classes sure in each image, and even over all',
  },
};

/** Columns by their features, which the first of each tells. */
export function byFeatures(columns: readonly Column[]): (readonly [Column, ...Column[]])[] {
  const groups = new Map<string, [Column, ...Column[]]>();
  for (const column of columns) {
    const name = column.measurements[0]!.computedWith.features?.name ?? '';
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [column]);
    else group.push(column);
  }
  return [...groups.values()];
}

/** What a measure is called in the field. */
export function measureName({ metric }: Measurement): string {
  return MEANINGS[metric]?.name ?? metric;
}

/** HTML. */
export function numbers(results: readonly Result[], columns: readonly Column[]): string {
  const header = results.map(
    ({ name }) => `<th title="${escapeXml(name)}">${escapeXml(shortName(name))}</th>`,
  );
  const groups = byFeatures(columns).map((group) => {
    const rows = group.map(({ measurements }) => row(measurements)).join('');
    const title = group[0].measurements[0]!.computedWith.features?.name ?? 'images themselves';
    return `<tbody><tr><th class="group" colspan="${results.length + 2}">${escapeXml(title)}</th></tr>${rows}</tbody>`;
  });
  const warnings = results.flatMap(({ name, measurements }) =>
    warningsOf(measurements).map((warning) => (results.length === 1 ? warning : `${name}: ${warning}`)),
  );
  const list = warnings.map((warning) => `<li>${escapeXml(warning)}</li>`).join('');
  return (
    '<div class="table"><table class="numbers">' +
    `<thead><tr><th></th>${header.join('')}<th>counts and settings</th></tr></thead>${groups.join('')}</table></div>` +
    (list === '' ? '' : `<ul class="warnings">${list}</ul>`)
  );
}

function row(measurements: readonly Measurement[]): string {
  const [first] = measurements as readonly [Measurement];
  const meaning = MEANINGS[first.metric];
  const best = bestOf(measurements, meaning);
  const cells = measurements.map((measurement, i) => {
    const isBest = measurements.length > 1 && measurement.value === best;
    const lines = [
      `<span class="value">${digits(measurement.value)}</span>`,
      small(errorOf(measurement)),
      small(i === 0 ? '' : fromFirst(measurement, first)),
    ];
    return `<td class="number${isBest ? ' best' : ''}">${lines.join('')}</td>`;
  });
  const note = meaning === undefined ? '' : `${meaning.note}; ${meaning.better} is better`;
  const settings = [`${countsOf(first)} images`, fields(first.computedWith.settings)];
  return (
    `<tr><th>${escapeXml(measureName(first))}${small(note)}</th>${cells.join('')}` +
    `<td>${settings.map(small).join('')}</td></tr>`
  );
}

function small(line: string): string {
  return line === '' ? '' : `<span class="small">${escapeXml(line)}</span>`;
}

function bestOf(measurements: readonly Measurement[], meaning: Meaning | undefined): number | undefined {
  const values = measurements.map(({ value }) => value);
  if (meaning === undefined) return undefined;
  return meaning.better === 'lower' ? Math.min(...values) : Math.max(...values);
}

function errorOf({ interval, standardError, deviation }: Measurement): string {
  if (interval !== undefined) {
    const { level, low, high } = interval;
    return `${Math.round(100 * level)} %: ${digits(low)} to ${digits(high)}`;
  }
  if (standardError !== undefined) return `± ${digits(standardError)}`;
  return deviation === undefined ? '' : `spread ${digits(deviation)}`;
}

function fromFirst(measurement: Measurement, first: Measurement): string {
  const { value, standardError, z } = difference(measurement, first);
  if (standardError === undefined) return '';
  const inErrors = z === undefined ? '' : `, z ${Number(z.toPrecision(2))}`;
  return `from the first: ${value > 0 ? '+' : ''}${digits(value)} ± ${digits(standardError)}${inErrors}`;
}
