/** Measurements as a table, with what they were computed with. */
import type { Measurement } from '@srmcmc/metrics';
import { aligned } from './aligned.ts';
import type { About } from './result.ts';
import { countsOf, digits, fields, warningsOf } from './words.ts';

const HEADER = [
  'measure',
  'value',
  '± error',
  'spread',
  'features',
  'weights',
  'resizing',
  'precision',
  'counts',
  'settings',
];

/** What was measured, a row for each number, and what a reader of them must know. */
export function metricsTable(
  measurements: readonly Measurement[],
  about: { readonly images: About; readonly reference: About },
): string {
  const rows = measurements.map((measurement) => {
    const { metric, value, standardError, deviation, computedWith } = measurement;
    const { features, settings } = computedWith;
    return [
      metric,
      digits(value),
      digits(standardError),
      digits(deviation),
      features?.name ?? '',
      features?.weights?.slice(0, 8) ?? '',
      features?.resize ?? '',
      features?.precision ?? '',
      countsOf(measurement),
      fields(settings),
    ];
  });
  const subjects = aligned(
    [
      ['images', fields(about.images)],
      ['reference', fields(about.reference)],
    ],
    ['left', 'left'],
  );
  const left = ['left', 'left', 'left', 'left', 'left', 'left'] as const;
  const table = aligned([HEADER, ...rows], ['left', 'right', 'right', 'right', ...left]);
  const warnings = warningsOf(measurements).map((warning) => `warning: ${warning}`);
  return `${[subjects, table, ...warnings].join('\n\n')}\n`;
}
