/** Density and log-density of a toy, of the learned energy and of the samples, side by side (Nijkamp et al. 2019, Figs. 8, 9). */
import {
  densityMap,
  type DensityMap,
  type DensityPanel,
  lineCharts,
  PALETTE,
  type Series,
} from '@srmcmc/figures';
import type { Grid } from '@srmcmc/metrics';
import type { ToyDensities, ToyDensity } from '../toys/densities.ts';

/** Log-densities are drawn down to this far below the truth's largest, in nats: what is below is of no account. */
const DEPTH = 12;
/** Above the largest, for a curve not to touch the frame. */
const HEADROOM = 1.05;

/** An SVG picture of two rows, density above log-density. */
export async function toyDensitiesPlot(name: string, densities: ToyDensities): Promise<string> {
  const { grid, truth, ebm, samples } = densities;
  const title =
    `${name}, in nats: KL(truth ‖ KDE of short-run samples) = ${divergenceText(samples)}, ` +
    `KL(truth ‖ EBM) = ${divergenceText(ebm)}`;
  const columns = [
    { name: 'truth', of: truth },
    { name: 'EBM', of: ebm },
    { name: 'KDE of samples', of: samples },
  ];
  return grid.dimension === 1 ? curves(title, grid, columns) : maps(title, grid, columns);
}

interface Column {
  readonly name: string;
  readonly of: ToyDensity;
}

function titleOf({ name, of }: Column): string {
  return `${name}, entropy ${digits(of.entropy)}`;
}

/** The truth and the samples alike; the energy's peaks would leave nothing of both to be seen. */
function highestOf({ of }: Column, [truth, , samples]: readonly Column[]): number {
  const both = Math.max(truth!.of.largest, samples!.of.largest);
  return of === truth!.of || of === samples!.of ? both : of.largest;
}

function logRangeOf(columns: readonly Column[]): [low: number, high: number] {
  const high = Math.log(Math.max(...columns.map(({ of }) => of.largest)));
  return [Math.floor(Math.log(columns[0]!.of.largest) - DEPTH), Math.ceil(high)];
}

function maps(title: string, grid: Grid, columns: readonly Column[]): Promise<string> {
  const rows = (values: Float64Array): Float64Array => fromTheTop(values, grid.cells);
  const panels = [
    ...columns.map((column): DensityPanel => ({
      title: titleOf(column),
      values: rows(column.of.density),
      range: [0, highestOf(column, columns)],
    })),
    ...columns.map((column): DensityPanel => ({
      title: column.name,
      values: rows(column.of.density.map(Math.log)),
      range: logRangeOf(columns),
      label: 'log density',
    })),
  ];
  return densityMap({ ...planeOf(grid), title, panels, panelsPerRow: columns.length });
}

/** Columns and rows of a map of a density on a grid. */
export function planeOf({ low, high, cells }: Grid): Pick<DensityMap, 'size' | 'x' | 'y'> {
  return { size: [cells, cells], x: [low, high], y: [low, high] };
}

/** A grid's x₂ changes fastest and rises; a picture's rows go down from the largest x₂, x₁ changing fastest. */
export function fromTheTop(values: Float64Array, cells: number): Float64Array {
  return values.map((_, i) => values[(i % cells) * cells + cells - 1 - Math.floor(i / cells)]!);
}

function curves(title: string, grid: Grid, columns: readonly Column[]): string {
  const [truth] = columns as [Column];
  const seriesOf = (column: Column, of: (density: number) => number): Series[] => {
    const curve = ({ name, of: { density } }: Column, rest: Partial<Series>): Series => ({
      label: name,
      points: Array.from(grid.centres, (x, i) => [x, of(density[i]!)] as const),
      ...rest,
    });
    const shade = curve(truth, { style: 'area', colour: PALETTE[0] });
    return column === truth ? [shade] : [shade, curve(column, { colour: PALETTE[1] })];
  };
  const shared = { xLabel: 'x', width: 400, height: 300 };
  return lineCharts({
    title,
    chartsPerRow: columns.length,
    charts: [
      ...columns.map((column) => ({
        ...shared,
        title: titleOf(column),
        yLabel: 'density',
        yRange: [0, HEADROOM * highestOf(column, columns)] as const,
        series: seriesOf(column, (density) => density),
      })),
      ...columns.map((column) => ({
        ...shared,
        title: column.name,
        yLabel: 'log density',
        yRange: logRangeOf(columns),
        series: seriesOf(column, Math.log),
      })),
    ],
  });
}

export function divergenceText({ divergence: value }: ToyDensity): string {
  return value === Infinity ? '∞' : String(Number(value.toPrecision(2)));
}

function digits(value: number): string {
  return value.toFixed(2).replace('-', '−');
}
