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
import { printTable } from './shared/command-line.ts';
import { full, writeFigure } from './shared/figure-flags.ts';
import { deviation, mean } from './theory/statistics.ts';
import { learnToy, SQUARE, valuesAt } from './theory/toy-learning.ts';

await selectBackend('auto');
const [iterations, longRun, count] = full ? [800, 2000, 4000] : [30, 60, 400];
const seeds = full ? [1, 2, 3, 4, 5] : [1];
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
for (const seed of seeds)
  for (const [name, policy] of Object.entries(policies)) studies.push(await study(name, policy, seed));

console.log(
  `after ${iterations} iterations of ${chains.steps} steps; KL(truth‖.) in nats, samples by a kernel density estimate; mean and standard deviation over ${seeds.length} seeds`,
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
  Object.keys(policies).map((name) => {
    const runs = studies.filter((one) => one.name === name);
    const later = (values: readonly number[]): readonly number[] => values.slice(values.length / 2);
    return [
      name,
      ...[
        runs.map(({ short }) => short),
        runs.map(({ long }) => long),
        runs.map(({ model }) => klDivergence(cells, truth, model)),
        runs.map(({ model }) => entropy(cells, model)),
        runs.map(({ energyDifference }) => mean(later(energyDifference))),
        runs.map(({ energyDifference }) => deviation(later(energyDifference))),
        runs.map(({ gradientStrength }) => mean(later(gradientStrength))),
      ].map((values) => `${mean(values).toFixed(3)} (${deviation(values).toFixed(3)})`),
    ];
  }),
);
console.log(
  `H(truth) = ${entropy(cells, truth).toFixed(3)}; of ${count} samples of the truth the estimate is ${klDivergence(cells, truth, smoothedDensity(cells, toy.sample(key(4), count)).density).toFixed(3)} away`,
);
console.log('means of d_st and r_t are over the second half of learning');
await writeFigure(
  lineCharts({
    title: 'Four Gaussians in the plane, learned with three kinds of chains (the first seed)',
    chartsPerRow: 1,
    charts: [
      over('d_st: mean energy of the data − of the samples', 'd_st', (study) => study.energyDifference),
      over('r_t: mean length of the gradient part of a step', 'r_t', (study) => study.gradientStrength),
    ],
  }),
);

async function study(name: string, policy: ChainPolicy, seed: number) {
  const learned = await learnToy({ toy, chains: policy, coefficients, iterations, key: key(seed) });
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
    series: studies.slice(0, Object.keys(policies).length).map((study) => ({
      label: study.name,
      points: valuesOf(study).map((value, i) => [i + 1, value]),
    })),
  };
}
