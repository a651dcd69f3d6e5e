/**
 * Short runs, persistent chains and contrastive divergence learn the same toy with the same budget; d_st and r_t of
 * the ebm-anatomy work on the way, and what each has learned. `--full` for more iterations, `--out file.svg` for a figure.
 */
import { selectBackend } from '@srmcmc/backends';
import { dispose, foldIn, key, shortRun } from '@srmcmc/core';
import { mixture2d } from '@srmcmc/datasets';
import { type ChainPolicy, dataInitialised, noiseInitialised, persistent } from '@srmcmc/estimators';
import { type LineChart, lineCharts } from '@srmcmc/figures';
import { langevin } from '@srmcmc/langevin';
import { entropy, grid, klDivergence, normalisedDensity, smoothedDensity } from '@srmcmc/metrics';
import { full, printTable, writeFigure } from './theory/command-line.ts';
import { deviation, mean } from './theory/statistics.ts';
import { learnToy, SQUARE, valuesAt } from './theory/toy-learning.ts';

await selectBackend('auto');
const [iterations, longRun, count] = full ? [800, 2000, 4000] : [30, 60, 400];
const coefficients = { drift: 0.02, noise: 0.2 }; // Δ = 0.2, temperature 1
const chains = { kernel: langevin(coefficients), steps: 30 };
const policies: Readonly<Record<string, ChainPolicy>> = {
  'short run': noiseInitialised({ ...chains, initial: SQUARE }),
  persistent: persistent({ ...chains, initial: SQUARE, bufferSize: 2000, renewal: 0.02 }),
  CD: dataInitialised(chains),
};

const toy = mixture2d();
const cells = grid({ dimension: 2, low: -4, high: 4, cells: 80 });
const truth = normalisedDensity(cells, toy.logDensity!(cells.centres));
const studies: Awaited<ReturnType<typeof study>>[] = [];
for (const [name, policy] of Object.entries(policies)) studies.push(await study(name, policy));

console.log(
  `after ${iterations} iterations of ${chains.steps} steps; KL(truth‖.) in nats, samples by a kernel density estimate`,
);
printTable(
  [
    'chains',
    `${chains.steps} steps from noise`,
    `${longRun} steps from noise`,
    'p_θ',
    'H(p_θ)',
    'mean d_st',
    'sd of d_st',
    'mean r_t',
  ],
  studies.map(({ name, model, short, long, energyDifference, gradientStrength }) => {
    const half = (values: readonly number[]): readonly number[] => values.slice(values.length / 2);
    const [d, r] = [half(energyDifference), half(gradientStrength)];
    return [
      name,
      short,
      long,
      klDivergence(cells, truth, model),
      entropy(cells, model),
      mean(d),
      deviation(d),
      mean(r),
    ].map((value) => (typeof value === 'string' ? value : value.toFixed(3)));
  }),
);
console.log(
  `H(truth) = ${entropy(cells, truth).toFixed(3)}; of ${count} samples of the truth the estimate is ${klDivergence(cells, truth, smoothedDensity(cells, toy.sample(key(4), count)).density).toFixed(3)} away`,
);
console.log('means of d_st and r_t are over the second half of learning');
await writeFigure(
  lineCharts({
    title: 'Four Gaussians in the plane, learned with three kinds of chains',
    chartsPerRow: 1,
    charts: [
      over('d_st: mean energy of the data − of the samples', 'd_st', (study) => study.energyDifference),
      over('r_t: mean length of the gradient part of a step', 'r_t', (study) => study.gradientStrength),
    ],
  }),
);

async function study(name: string, policy: ChainPolicy) {
  const learned = await learnToy({ toy, chains: policy, coefficients, iterations, key: key(1) });
  const model = normalisedDensity(cells, await valuesAt(learned.energy, cells.centres, 1));
  const [short, long] = await Promise.all(
    [chains.steps, longRun].map(async (steps) => {
      const generator = shortRun({ energy: learned.energy, ...chains, steps, initial: SQUARE });
      const z = generator.prior(key(2), count);
      const x = await generator.generateAsync(z, foldIn(key(3), steps));
      const samples = await x.data();
      dispose([z, x]);
      return klDivergence(cells, truth, smoothedDensity(cells, samples).density);
    }),
  );
  return { name, ...learned, model, short: short!, long: long! };
}

function over(
  title: string,
  yLabel: string,
  valuesOf: (study: (typeof studies)[number]) => readonly number[],
): LineChart {
  return {
    title,
    xLabel: 'iteration',
    yLabel,
    width: 820,
    series: studies.map((study) => ({
      label: study.name,
      points: valuesOf(study).map((value, i) => [i + 1, value]),
    })),
  };
}
