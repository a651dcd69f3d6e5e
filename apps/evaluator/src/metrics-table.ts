/** Measurements as a table, with what they were computed with. */
import type { Measurement } from '@srmcmc/metrics';
import { aligned } from './aligned.ts';

type About = Readonly<Record<string, string | number | boolean>>;

/** What was measured, a row for each number, and what a reader of them must know. */
export function metricsTable(
  measurements: readonly Measurement[],
  about: { readonly images: About; readonly reference: About },
): string {
  const header = [
    'measure',
    'value',
    '± error',
    'spread',
    'features',
    'weights',
    'resizing',
    'counts',
    'settings',
  ];
  const rows = measurements.map(({ metric, value, standardError, deviation, computedWith }) => {
    const { features, samples, reference, settings } = computedWith;
    return [
      metric,
      digits(value),
      digits(standardError),
      digits(deviation),
      features?.name ?? '',
      features?.weights?.slice(0, 8) ?? '',
      features?.resize ?? '',
      reference === undefined ? String(samples) : `${samples} and ${reference.count}`,
      fields(settings),
    ];
  });
  const warnings = [...new Set(measurements.flatMap(({ warnings: some }) => some))];
  const subjects = aligned(
    [
      ['images', fields(about.images)],
      ['reference', fields(about.reference)],
    ],
    ['left', 'left'],
  );
  const left = ['left', 'left', 'left', 'left', 'left'] as const;
  const table = aligned([header, ...rows], ['left', 'right', 'right', 'right', ...left]);
  return `${[subjects, table, ...warnings.map((warning) => `warning: ${warning}`)].join('\n\n')}\n`;
}

function fields(record: About): string {
  return Object.entries(record)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function digits(value: number | undefined): string {
  return value === undefined ? '' : String(Number(value.toPrecision(5)));
}
