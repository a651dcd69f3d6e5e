/** Gaps of means of features as pictures. */
import { type LineChart, lineCharts, PALETTE, type Series } from '@srmcmc/figures';
import type { Agreement } from './gaps.ts';

export interface GapStudy {
  readonly name: string;
  /** Before learning, after it, and of images instead of samples. */
  readonly noise: Agreement;
  readonly short: Agreement;
  readonly images: Agreement;
}

/** A row for each study: |z| in order of size, and the gaps after learning with their bars. */
export function gapCharts(studies: readonly GapStudy[]): string {
  return lineCharts({
    title: 'Means of features: samples less images held out',
    charts: studies.flatMap((study) => [sizes(study), bars(study)]),
    chartsPerRow: 2,
  });
}

function sizes({ name, noise, short, images }: GapStudy): LineChart {
  const { bar, gaps } = short;
  const ordered = (label: string, agreement: Agreement): Series => ({
    label,
    points: agreement.gaps
      .map(({ z }) => Math.abs(z ?? 0))
      .sort((a, b) => a - b)
      .map((z, i) => [i + 1, z]),
  });
  return {
    title: `${name}: |gap| in standard errors, in order of size`,
    xLabel: 'features',
    yLabel: '|z|',
    yScale: 'log',
    yRange: [0.01, 1000],
    series: [
      ordered('noise', noise),
      ordered('short runs', short),
      ordered('other images', images),
      {
        label: `bar for all ${gaps.length}`,
        points: [
          [1, bar],
          [gaps.length, bar],
        ],
        colour: '#5a6475',
      },
    ],
  };
}

/** In units of the standard error of each, whose bars are then all as long, many features could not be told apart. */
function bars({ name, short: { gaps, bar } }: GapStudy): LineChart {
  const colour = PALETTE[1]!;
  return {
    title: `${name}: gaps after learning, with bars for all ${gaps.length} at once`,
    xLabel: 'feature',
    yLabel: 'E_q h − E_data h',
    series: [
      {
        label: '',
        points: [
          [0, 0],
          [gaps.length + 1, 0],
        ],
        colour: '#5a6475',
      },
      ...gaps.flatMap(({ gap, standardError }, i): Series[] => [
        { label: '', points: [-1, 1].map((end) => [i + 1, gap + end * bar * standardError]), colour },
        { label: '', points: [[i + 1, gap]], colour },
      ]),
    ],
  };
}
