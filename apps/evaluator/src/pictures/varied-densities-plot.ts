/** The density of the same chains of points after each number of steps, beside the truth; and the numbers against K. */
import { densityMap, lineCharts, PALETTE, type Series } from '@srmcmc/figures';
import type { Grid } from '@srmcmc/metrics';
import type { ToyDensity } from '../toys/densities.ts';
import type { DensitiesMeasured, DensityRow } from '../varied-steps/densities.ts';
import { ChartsAgainstSteps } from './charts-against-steps.ts';
import { divergenceText, fromTheTop, planeOf } from './toy-densities-plot.ts';

const PER_ROW = 4;
/** Above the largest, for a curve not to touch the frame. */
const HEADROOM = 1.05;
/** The colours reach this many times the truth's largest: chains that gather in points would leave nothing else to be seen. */
const BRIGHTEST = 1.5;

interface Panel {
  readonly title: string;
  readonly density: Float64Array;
}

/** An SVG picture: the truth, then the estimate of the chains after each K, all on one scale. */
export async function variedDensitiesPlot(
  name: string,
  { grid, truth, rows }: DensitiesMeasured,
  learned: number,
): Promise<string> {
  const title = `${name}: the same chains after K steps, learned with K = ${learned}; KL(truth ‖ KDE of samples) in nats`;
  const panels = [
    { title: 'truth', density: truth.density },
    ...rows.flatMap(({ steps, samples }): Panel[] => {
      if (samples === null) return [];
      const mark = steps === learned ? ', as learned' : '';
      return [{ title: `K = ${steps}${mark}: KL ${divergenceText(samples)}`, density: samples.density }];
    }),
  ];
  const highest = BRIGHTEST * truth.largest;
  return grid.dimension === 1 ? curves(title, grid, panels, highest) : maps(title, grid, panels, highest);
}

/** An SVG picture of divergence, entropy and gradients against K. */
export function variedDensitiesCharts(
  { truth, exactDraws, rows }: DensitiesMeasured,
  learned: number,
): string {
  const against = new ChartsAgainstSteps(rows, learned);
  const estimated = (of: (density: ToyDensity) => number): Series => ({
    label: 'KDE of samples',
    style: 'dots',
    points: rows.flatMap(({ steps, samples }) => (samples === null ? [] : [[steps, of(samples)] as const])),
  });
  const gradients = (label: string, of: (row: DensityRow) => number): Series => ({
    label,
    style: 'dots',
    points: rows.map((row) => [row.steps, of(row)] as const),
  });
  const distance = against.chart('distance to the truth', 'KL(truth ‖ ·), nats', [
    estimated(({ divergence }) => divergence),
    against.level('KDE of exact draws', exactDraws.divergence),
  ]);
  return against.picture(
    [
      { ...distance, yScale: 'log' },
      against.chart('entropy', 'entropy, nats', [
        estimated(({ entropy }) => entropy),
        against.level('truth', truth.entropy),
      ]),
      against.chart('gradients', 'mean |f′(x)|', [
        gradients('over all K steps', ({ gradientNorm }) => gradientNorm),
        gradients('before the last', ({ lastGradientNorm }) => lastGradientNorm),
      ]),
    ],
    3,
  );
}

function maps(title: string, grid: Grid, panels: readonly Panel[], highest: number): Promise<string> {
  return densityMap({
    ...planeOf(grid),
    title,
    panels: panels.map(({ title: name, density }) => ({
      title: name,
      values: fromTheTop(density, grid.cells),
      range: [0, highest] as const,
    })),
    panelsPerRow: PER_ROW,
  });
}

function curves(title: string, grid: Grid, panels: readonly Panel[], highest: number): string {
  const pointsOf = ({ density }: Panel): Series['points'] =>
    Array.from(grid.centres, (x, i) => [x, density[i]!] as const);
  const [truth] = panels as [Panel];
  const top = HEADROOM * highest;
  const shade: Series = { label: 'truth', style: 'area', colour: PALETTE[0], points: pointsOf(truth) };
  return lineCharts({
    title,
    chartsPerRow: PER_ROW,
    charts: panels.map((panel) => ({
      title: panel.title + peakAbove(top, panel),
      xLabel: 'x',
      yLabel: 'density',
      yRange: [0, top] as const,
      series:
        panel === truth
          ? [shade]
          : [shade, { label: 'KDE of samples', colour: PALETTE[1], points: pointsOf(panel) }],
      width: 400,
      height: 300,
    })),
  });
}

/** How high a curve goes that the frame cuts off. */
function peakAbove(top: number, { density }: Panel): string {
  const peak = density.reduce((most, value) => Math.max(most, value), 0);
  return peak > top ? `, peak ${Number(peak.toPrecision(2))}` : '';
}
