/**
 * From memory to mixing: how much x_K tells of z as K grows. On a grid the mutual information and the share of the
 * variance that z explains are exact; the same share of simulated chains comes from twins that share z alone.
 * `--full` for longer chains, `--out file.svg` for a figure.
 */
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '@srmcmc/backends';
import { dispose, fromFunction, key, runChainsAsync, uniform } from '@srmcmc/core';
import { type LineChart, lineCharts, PALETTE } from '@srmcmc/figures';
import { langevin } from '@srmcmc/langevin';
import { printTable } from './shared/command-line.ts';
import { full, writeFigure } from './shared/figure-flags.ts';
import { modesOnGrid, uniformOn } from './theory/geometry.ts';
import { langevinOnGrid } from './theory/grid-chain.ts';
import { explainedByTwins, memoryOnGrid } from './theory/memory.ts';

await selectBackend('auto');
const [doublings, simulated, pairs] = full ? [12, 11, 4000] : [6, 4, 500];
const stepSizes = [0.1, 0.2, 0.4];
/** The mixture of `mixture1d`, by default. */
const modes = { means: [-2, 0, 2], stds: [0.3, 0.5, 0.2], weights: [0.3, 0.5, 0.2] };

/** log p of the mixture for points [n, 1]. */
const energy = fromFunction(
  (x) => {
    const { means, stds, weights } = modes;
    const squares = tf.mul(tf.square(tf.div(tf.sub(x, means), stds)), -0.5);
    return tf.logSumExp(
      tf.add(
        squares,
        weights.map((w, k) => Math.log(w / stds[k]!)),
      ),
      1,
    ) as tf.Tensor1D;
  },
  [1],
);

const world = modesOnGrid();
const studies: Awaited<ReturnType<typeof study>>[] = [];
for (const stepSize of stepSizes) studies.push(await study(stepSize));

printTable(
  ['Δ', 'K', 'I(z; x_K), nats', 'explained, exact', 'explained, twins'],
  studies.flatMap(({ stepSize, exact, twins }) =>
    exact
      .filter((_, i) => i % 2 === 0)
      .map(({ steps, information, explained }) => {
        const twin = twins.find((one) => one.steps === steps);
        return [
          String(stepSize),
          steps,
          information.toFixed(4),
          explained.toFixed(4),
          twin === undefined ? '' : `${twin.explained.toFixed(4)} ± ${twin.error.toFixed(4)}`,
        ];
      }),
  ),
);
await writeFigure(
  lineCharts({
    title: 'What K Langevin steps on three modes remember of their start',
    charts: [chart('Mutual information', 'I(z; x_K), nats', 'information'), withTwins()],
  }),
);

async function study(stepSize: number) {
  const chain = langevinOnGrid(world.points, world.data.map(Math.log), stepSize);
  const exact = memoryOnGrid(chain, world.points, uniformOn(world), doublings);
  return { stepSize, exact, twins: await simulate(stepSize) };
}

/** K = 1, 2, 4, ...: pairs of chains from one z each, [2 · pairs, 1] in all, whose rows have noise of their own. */
async function simulate(stepSize: number) {
  const steps = Array.from({ length: simulated + 1 }, (_, i) => 2 ** i);
  const z = uniform([1], { low: -3, high: 3 }).sample(key(1), pairs);
  const start = tf.concat([z, z]);
  const kernel = langevin({ stepSize });
  const { x: last, trace } = await runChainsAsync(
    { energy, kernel, steps: steps.at(-1)!, snapshots: steps },
    start,
    key(2),
  );
  const found = await Promise.all(
    trace.snapshots.map(async (x, i) => {
      const values = await x.data();
      return { steps: steps[i]!, ...explainedByTwins(values.slice(0, pairs), values.slice(pairs), 1) };
    }),
  );
  dispose([z, start, last, trace]);
  return found;
}

function chart(title: string, yLabel: string, quantity: 'information' | 'explained'): LineChart {
  return {
    title,
    xLabel: 'K',
    yLabel,
    xScale: 'log',
    series: studies.map(({ stepSize, exact }) => ({
      label: `Δ = ${stepSize}`,
      points: exact.map((memory) => [memory.steps, memory[quantity]]),
    })),
  };
}

/** Lines are exact, dots simulated. */
function withTwins(): LineChart {
  const exact = chart(
    'Share of Var x_K explained by z: exact (lines), twins (dots)',
    'explained',
    'explained',
  );
  const dots = studies.flatMap(({ twins }, i) =>
    twins.map(({ steps, explained }) => ({
      label: '',
      colour: PALETTE[i]!,
      points: [[steps, explained] as const],
    })),
  );
  return { ...exact, series: [...exact.series, ...dots] };
}
