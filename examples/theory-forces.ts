/**
 * The noise part against the gradient part of short-run dynamics, over the steps of a chain and over training, in the
 * textbook's form (temperature 1) and in the paper's (the temperature folded into f). `--full` for more iterations,
 * `--out file.svg` for a figure.
 */
import { selectBackend } from '@srmcmc/backends';
import { foldIn, key } from '@srmcmc/core';
import { mixture2d } from '@srmcmc/datasets';
import { noiseInitialised } from '@srmcmc/estimators';
import { type LineChart, lineCharts } from '@srmcmc/figures';
import { langevin } from '@srmcmc/langevin';
import { printTable } from './shared/command-line.ts';
import { full, writeFigure } from './shared/figure-flags.ts';
import { type Forces, forces } from './theory/forces.ts';
import { learnToy, SQUARE } from './theory/toy-learning.ts';

await selectBackend('auto');
const checkpoints = full ? [1, 50, 200, 800] : [1, 10];
const steps = 30;
const settings = [
  { name: 'textbook, drift 0.02, noise 0.2', drift: 0.02, noise: 0.2 },
  { name: 'the paper’s, drift 1, noise 0.01', drift: 1, noise: 0.01 },
];

const RANGE = [0.003, 10] as const;
const studies = [];
for (const { name, ...coefficients } of settings) {
  const found: { iteration: number; of: Forces }[] = [];
  const { gradientStrength } = await learnToy({
    toy: mixture2d(),
    chains: noiseInitialised({ kernel: langevin(coefficients), steps, initial: SQUARE }),
    coefficients,
    iterations: checkpoints.at(-1)!,
    key: key(1),
    afterEach: async (energy, iteration) => {
      if (!checkpoints.includes(iteration)) return;
      const start = SQUARE.sample(key(2), 1000);
      found.push({
        iteration,
        of: await forces(energy, coefficients, steps, start, foldIn(key(3), iteration)),
      });
      start.dispose();
    },
  });
  // E‖U‖ of two normals is √(π/2).
  const noiseLength = coefficients.noise * Math.sqrt(Math.PI / 2);
  studies.push({ name, found, ratio: gradientStrength.map((r) => r / noiseLength) });
}

console.log(`means over 1000 chains of ${steps} steps: x_K − x_0 = G + N, gradient parts and noise parts`);
printTable(
  ['dynamics', 'iteration', '‖x_K − x_0‖²', '‖G‖²', '‖N‖²', '2⟨G, N⟩', 'first step, gradient/noise', 'last'],
  studies.flatMap(({ name, found }) =>
    found.map(({ iteration, of }) => [
      name,
      iteration,
      ...[of.moved, of.gradient, of.noise, of.moved - of.gradient - of.noise].map((value) =>
        value.toPrecision(3),
      ),
      ratios(of)[0]!.toPrecision(3),
      ratios(of).at(-1)!.toPrecision(3),
    ]),
  ),
);
await writeFigure(
  lineCharts({
    title: 'Lengths of the gradient part of a step, relative to the noise part',
    chartsPerRow: 2,
    charts: [
      ...studies.map(({ name, found }): LineChart => ({
        title: `Along a chain, after i iterations: ${name}`,
        xLabel: 'step k',
        yLabel: 'gradient / noise',
        yScale: 'log',
        yRange: RANGE,
        series: found.map(({ iteration, of }) => ({
          label: `i = ${iteration}`,
          points: ratios(of).map((ratio, k) => [k + 1, ratio]),
        })),
      })),
      ...studies.map(({ name, ratio }): LineChart => ({
        title: `Over training: ${name}`,
        xLabel: 'iteration',
        yLabel: 'gradient / noise, mean over steps',
        yScale: 'log',
        yRange: RANGE,
        series: [{ label: 'ratio', points: ratio.map((value, i) => [i + 1, value]) }],
      })),
    ],
  }),
);

/** Root mean squares, by step. */
function ratios({ gradientParts, noiseParts }: Forces): number[] {
  return gradientParts.map((gradient, k) => Math.sqrt(gradient / noiseParts[k]!));
}
