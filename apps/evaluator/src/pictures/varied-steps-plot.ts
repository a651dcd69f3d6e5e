/** Saturation, gradients and distances to data against the number of steps. */
import type { Series } from '@srmcmc/figures';
import type { Estimate } from '../varied-steps/images.ts';
import type { StepsMeasured, StepsRow } from '../varied-steps/measures.ts';
import { ChartsAgainstSteps } from './charts-against-steps.ts';

/** Bands show ± this many standard errors. */
const BAND = 2;

/** An SVG picture of charts beside each other; `learned`, the K of learning, is marked where it is in their range. */
export function variedStepsPlot({ rows, data, features }: StepsMeasured, learned: number): string {
  const against = new ChartsAgainstSteps(rows, learned);
  const saturation = [
    curveOf('samples', rows, ({ magnitude }) => magnitude),
    ...(data === undefined ? [] : [against.level('data', data.magnitude.value)]),
  ];
  const gradients = [
    curveOf('over all K steps', rows, ({ gradientNorm: value }) => ({ value })),
    curveOf('before the last', rows, ({ lastGradientNorm: value }) => ({ value })),
  ];
  const distances = features.map((name, i) => {
    const series = [
      curveOf('samples', rows, (row) => row.distances[i] ?? null),
      against.level('other data', data!.distances[i]!.value),
    ];
    return { ...against.chart(name, 'Fréchet distance to data', series), yScale: 'log' as const };
  });
  const charts = [
    against.chart('saturation', 'mean |x|', saturation),
    against.chart('gradients', 'mean |f′(x)|', gradients),
    ...distances,
  ];
  return against.picture(charts, 2, `; bands: ± ${BAND} standard errors`);
}

function curveOf(label: string, rows: readonly StepsRow[], of: (row: StepsRow) => Estimate | null): Series {
  const measured = rows.flatMap((row) => {
    const estimate = of(row);
    return estimate === null ? [] : [{ steps: row.steps, ...estimate }];
  });
  return {
    label,
    style: 'dots',
    points: measured.map(({ steps, value }) => [steps, value] as const),
    errors: measured.map(({ standardError = 0 }) => BAND * standardError),
  };
}
