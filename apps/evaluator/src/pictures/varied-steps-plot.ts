/** Saturation, gradients and distances to data against the number of steps. */
import { type LineChart, lineCharts, type Series } from '@srmcmc/figures';
import type { Estimate } from '../varied-steps/images.ts';
import type { StepsMeasured, StepsRow } from '../varied-steps/measures.ts';

/** Bands show ± this many standard errors. */
const BAND = 2;
const GREY = '#8b94a3';

/** An SVG picture of charts beside each other; `learned`, the K of learning, is marked where it is in their range. */
export function variedStepsPlot({ rows, data, features }: StepsMeasured, learned: number): string {
  const [first, last] = [rows[0]!.steps, rows.at(-1)!.steps];
  const isWithin = first <= learned && learned <= last;
  const level = (label: string, { value }: Estimate): Series => ({
    label,
    colour: GREY,
    points: [
      [first, value],
      [last, value],
    ],
  });
  const chart = (title: string, yLabel: string, series: Series[]): LineChart => ({
    title,
    yLabel,
    series,
    xLabel: 'K, steps of a chain',
    xScale: 'log',
    marks: isWithin ? [learned] : [],
    width: 440,
    height: 330,
  });
  const saturation = [
    curveOf('samples', rows, ({ magnitude }) => magnitude),
    ...(data === undefined ? [] : [level('data', data.magnitude)]),
  ];
  const gradients = [
    curveOf('over all K steps', rows, ({ gradientNorm: value }) => ({ value })),
    curveOf('before the last', rows, ({ lastGradientNorm: value }) => ({ value })),
  ];
  const distances = features.map((name, i) => {
    const series = [
      curveOf('samples', rows, (row) => row.distances[i] ?? null),
      level('other data', data!.distances[i]!),
    ];
    return { ...chart(name, 'Fréchet distance to data', series), yScale: 'log' as const };
  });
  return lineCharts({
    title: `The same chains after K steps; learned with K = ${learned}${isWithin ? ' (dashed)' : ''}; bands: ± ${BAND} standard errors`,
    charts: [
      chart('saturation', 'mean |x|', saturation),
      chart('gradients', 'mean |f′(x)|', gradients),
      ...distances,
    ],
    chartsPerRow: 2,
  });
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
