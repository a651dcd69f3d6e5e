/** Charts of what changes with the number of steps of the same chains. */
import { type LineChart, lineCharts, type Series } from '@srmcmc/figures';
import type { GradientRow } from '../varied-steps/gradient-norms.ts';

const GREY = '#8b94a3';

export class ChartsAgainstSteps {
  readonly #first: number;
  readonly #last: number;
  readonly #learned: number;
  readonly #isWithin: boolean;

  /** `learned`, the K of learning, is marked where it is in the range of the rows. */
  constructor(rows: readonly GradientRow[], learned: number) {
    [this.#first, this.#last, this.#learned] = [rows[0]!.steps, rows.at(-1)!.steps, learned];
    this.#isWithin = this.#first <= learned && learned <= this.#last;
  }

  chart(title: string, yLabel: string, series: Series[]): LineChart {
    return {
      title,
      yLabel,
      series,
      xLabel: 'K, steps of a chain',
      xScale: 'log',
      marks: this.#isWithin ? [this.#learned] : [],
      width: 440,
      height: 330,
    };
  }

  /** What does not change with K. */
  level(label: string, value: number): Series {
    return {
      label,
      colour: GREY,
      points: [
        [this.#first, value],
        [this.#last, value],
      ],
    };
  }

  /** An SVG picture; `remark` ends its title. */
  picture(charts: LineChart[], chartsPerRow: number, remark = ''): string {
    const mark = this.#isWithin ? ' (dashed)' : '';
    return lineCharts({
      title: `The same chains after K steps; learned with K = ${this.#learned}${mark}${remark}`,
      charts,
      chartsPerRow,
    });
  }
}
