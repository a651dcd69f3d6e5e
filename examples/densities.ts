/** Truth and samples in the plane beside each other, as a figure and as a number. `--out file.svg` keeps the figure. */
import { writeFile } from 'node:fs/promises';
import { key } from '@srmcmc/core';
import { gaussianRing, pinwheel } from '@srmcmc/datasets';
import { densityMap, svgToPng } from '@srmcmc/figures';
import { grid, klDivergence, normalisedDensity, smoothedDensity } from '@srmcmc/metrics';
import { commandLine } from './shared/command-line.ts';

const { values: flags } = await commandLine('[--out file.svg]', { out: { type: 'string' } });
const cells = grid({ dimension: 2, low: -3, high: 3, cells: 100 });

const panels = [gaussianRing(), pinwheel()].flatMap((toy, i) => {
  const truth = normalisedDensity(cells, toy.logDensity!(cells.centres));
  const { density, bandwidth } = smoothedDensity(cells, toy.sample(key(i), 2000));
  const distance = klDivergence(cells, truth, density).toFixed(3);
  console.log(`${toy.name}: KL(truth‖estimate) ${distance} nats, kernels of width ${bandwidth.toFixed(2)}`);
  return [
    { title: toy.name, values: fromTop(truth) },
    { title: '2000 samples, smoothed', values: fromTop(density) },
  ];
});
const figure = await densityMap({
  title: 'Densities, and estimates from samples',
  panels,
  size: [100, 100],
  x: [-3, 3],
  y: [-3, 3],
});
console.log(`as PNG: ${(await svgToPng(figure)).length} bytes`);
if (flags.out !== undefined) await writeFile(flags.out, figure);

/** A picture's rows go down; the grid's first coordinate goes right, and its second up. */
function fromTop(density: Float64Array): Float64Array {
  return density.map((_, at) => density[(at % 100) * 100 + 99 - Math.floor(at / 100)]!);
}
