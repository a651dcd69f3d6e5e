/**
 * KL(q_K‖p) as K grows, exactly: q_K is K products of the uniform law with a transition matrix on a grid. With the
 * Metropolis test it falls at every step, whatever the step size; without, the chain goes to a law of its own.
 * `--full` for longer chains, `--out file.svg` for a figure.
 */
import { type LineChart, lineCharts } from '@srmcmc/figures';
import { printTable } from './shared/command-line.ts';
import { full, writeFigure } from './shared/figure-flags.ts';
import { kl } from './theory/finite.ts';
import { modesOnGrid, uniformOn } from './theory/geometry.ts';
import { langevinOnGrid, laws, metropolised, stationary } from './theory/grid-chain.ts';

const steps = full ? 20_000 : 300;
/** What the figure shows, in nats. */
const LEAST = 1e-6;
const world = modesOnGrid();
const { data: p, points } = world;
const start = uniformOn(world);
const stepSizes = [0.1, 0.2, 0.4];

const studies = stepSizes.map((stepSize) => {
  const unadjusted = langevinOnGrid(points, p.map(Math.log), stepSize);
  const own = stationary(unadjusted);
  const chains = {
    metropolis: laws(metropolised(unadjusted, p), start, steps),
    langevin: laws(unadjusted, start, steps),
  };
  return {
    stepSize,
    own,
    toP: {
      metropolis: chains.metropolis.map((q) => kl(q, p)),
      langevin: chains.langevin.map((q) => kl(q, p)),
    },
    toOwn: chains.langevin.map((q) => kl(q, own)),
    fromP: laws(unadjusted, p, steps).map((q) => kl(q, p)),
  };
});

console.log(`KL in nats after K = ${steps} steps, and the largest rise from one step to the next`);
printTable(
  ['Δ', 'kernel', 'KL of', 'at K = 1', `at K = ${steps}`, 'least', 'largest rise', 'limit'],
  studies.flatMap(({ stepSize, own, toP, toOwn, fromP }) => [
    row(stepSize, 'Metropolis', 'q_K to p', toP.metropolis, 0),
    row(stepSize, 'Langevin', 'q_K to p', toP.langevin, kl(own, p)),
    row(stepSize, 'Langevin', 'q_K to its own law', toOwn, 0),
    row(stepSize, 'Langevin', 'q_K to p, from q_0 = p', fromP, kl(own, p)),
  ]),
);
await writeFigure(
  lineCharts({
    title: 'How far K steps are from p: an exact count on a grid of 120 points',
    chartsPerRow: 2,
    charts: [
      chart('With the Metropolis test: KL(q_K‖p) falls', 'KL(q_K‖p)', (study) => study.toP.metropolis),
      chart('Without: KL(q_K‖p) comes to rest above 0', 'KL(q_K‖p)', (study) => study.toP.langevin),
      chart('Without, to its own stationary law π_Δ: falls', 'KL(q_K‖π_Δ)', (study) => study.toOwn),
      chart('Without, from q_0 = p: rises', 'KL(q_K‖p)', (study) => study.fromP),
    ],
  }),
);

function row(stepSize: number, kernel: string, what: string, values: readonly number[], limit: number) {
  const rises = values.slice(1).map((value, k) => value - values[k]!);
  const [first, last] = [values[1]!, values.at(-1)!];
  return [String(stepSize), kernel, what, first, last, Math.min(...values), Math.max(...rises), limit];
}

function chart(
  title: string,
  yLabel: string,
  valuesOf: (study: (typeof studies)[number]) => number[],
): LineChart {
  return {
    title,
    xLabel: 'K',
    yLabel,
    xScale: 'log',
    yScale: 'log',
    yRange: [LEAST, 3],
    series: studies.map((study) => ({
      label: `Δ = ${study.stepSize}`,
      points: evenlyInLog(steps)
        .map((k) => [k, valuesOf(study)[k]!] as const)
        .filter(([, value]) => value > LEAST),
    })),
  };
}

/** About fifty integers from 1 to `last`, as far apart as a logarithmic axis shows them. */
function evenlyInLog(last: number): number[] {
  return [...new Set(Array.from({ length: 50 }, (_, i) => Math.round(last ** (i / 49))))];
}
