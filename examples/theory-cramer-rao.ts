/**
 * The sandwich covariance of estimating equations against simulation (Nijkamp et al. 2019, 7.2), for several h; the
 * least is at the score. `--full` for more replicates, `--out file.svg` for a figure.
 */
import { key } from '@srmcmc/core';
import { type LineChart, lineCharts, PALETTE } from '@srmcmc/figures';
import { printTable } from './shared/command-line.ts';
import { full, writeFigure } from './shared/figure-flags.ts';
import {
  type EstimatingFunction,
  type Family,
  fisherInformation,
  matching,
  replicated,
  sandwich,
} from './theory/estimating.ts';
import { normalised, tilted } from './theory/finite.ts';
import { combination } from './theory/geometry.ts';
import { glauber, laws } from './theory/grid-chain.ts';
import { inverse, type Matrix, trace } from './theory/linear-algebra.ts';

const BITS = 4;
const states = Array.from({ length: 2 ** BITS }, (_, x) => x);
const sites = Array.from({ length: BITS }, (_, i) => i);
const even = normalised(states.map(() => 1));
const spin = (x: number, i: number): number => ((x >> (i % BITS)) & 1 ? 1 : -1);
/** s_i s_j ... as a feature. */
const product = (...of: readonly number[]): number[] =>
  states.map((x) => of.reduce((p, i) => p * spin(x, i), 1));
const sum = (terms: readonly (readonly number[])[]): number[] =>
  states.map((x) => terms.reduce((s, t) => s + t[x]!, 0));

// Spins on a ring, in a field θ₁ and with a coupling θ₂ of neighbours.
const features = [sum(sites.map((i) => product(i))), sum(sites.map((i) => product(i, i + 1)))];
const truth = [0.2, 0.3];
const model: Family = (theta) => tilted(even, combination(theta, features));
/** q_θ: four Glauber steps from the uniform law, as a family of its own. */
const shortRun: Family = (theta) => laws(glauber(model(theta), BITS), even, 4).at(-1)!;

/** Σ_i ∂ log p_θ(s_i | the others)/∂θ (Besag 1975): no sum over all states, and no short run either. */
function pseudoLikelihood(theta: readonly number[]): number[][] {
  const p = model(theta);
  const one = (f: readonly number[], x: number, y: number): number =>
    f[x]! - (p[x]! * f[x]! + p[y]! * f[y]!) / (p[x]! + p[y]!);
  return features.map((f) =>
    states.map((x) => sites.reduce((total, i) => total + one(f, x, x ^ (1 << i)), 0)),
  );
}

const cases: readonly { name: string; family: Family; h: EstimatingFunction }[] = [
  { name: 'the score (maximum likelihood)', family: model, h: matching(features, model) },
  { name: 'pseudo-likelihood', family: model, h: pseudoLikelihood },
  {
    name: 'moments of one site and one pair',
    family: model,
    h: matching([product(0), product(0, 1)], model),
  },
  { name: 'short run, K = 4', family: shortRun, h: matching(features, shortRun) },
];

const ELEMENTS = [
  ['field, field', 0, 0],
  ['field, coupling', 0, 1],
  ['coupling, coupling', 1, 1],
] as const;
const replicates = full ? 20_000 : 200;
const sizes = full ? [50, 100, 200, 500, 1000, 2000] : [200, 500];
const studies = cases.map(({ name, family, h }, i) => ({
  name,
  V: sandwich(h, family, truth).V,
  bound: inverse(fisherInformation(family, truth)),
  found: sizes.map((n) => replicated(h, family, truth, { n, replicates, key: key(i) })),
}));

console.log(
  `n times the covariance of θ̂ from ${replicates} samples of n = ${sizes.at(-1)}, ± a standard error`,
);
printTable(
  ['h', 'element', 'simulated', 'sandwich', 'z', 'I⁻¹', 'no root'],
  studies.flatMap(({ name, V, bound, found }) => {
    const { covariance, errors, without } = found.at(-1)!;
    return ELEMENTS.map(([label, j, k]) => {
      const [value, error] = [covariance[j]![k]!, errors[j]![k]!];
      return [
        name,
        label,
        `${value.toFixed(4)} ± ${error.toFixed(4)}`,
        V[j]![k]!.toFixed(4),
        ((value - V[j]![k]!) / error).toFixed(1),
        bound[j]![k]!.toFixed(4),
        without,
      ];
    });
  }),
);
console.log('\nefficiency: det I⁻¹ / det V');
printTable(
  ['h', 'efficiency'],
  studies.map(({ name, V, bound }) => [name, (determinant(bound) / determinant(V)).toFixed(6)]),
);
await writeFigure(
  lineCharts({ title: 'Estimates of two parameters of four spins', charts: [ratios(), ellipses()] }),
);

function ratios(): LineChart {
  return {
    title: 'n · trace of the covariance, relative to the sandwich',
    xLabel: 'n',
    yLabel: 'simulated / sandwich',
    xScale: 'log',
    height: 420,
    series: studies.map(({ name, V, found }) => ({
      label: short(name),
      points: sizes.map((n, i) => [n, trace(found[i]!.covariance) / trace(V)]),
      errors: found.map(({ errors }) => (2 * Math.hypot(errors[0]![0]!, errors[1]![1]!)) / trace(V)),
      style: 'dots',
    })),
  };
}

/** Lines: one standard deviation of the sandwich. Dots: of the estimates, in twenty directions. */
function ellipses(): LineChart {
  return {
    title: `√n (θ̂ − θ): sandwich (lines), ${replicates} estimates (dots), n = ${sizes.at(-1)}`,
    xLabel: 'field',
    yLabel: 'coupling',
    height: 420,
    series: studies.flatMap(({ name, V, found }, i) => [
      { label: short(name), colour: PALETTE[i]!, points: ellipse(V, 100) },
      ...ellipse(found.at(-1)!.covariance, 20).map((point) => ({
        label: '',
        colour: PALETTE[i]!,
        points: [point],
      })),
    ]),
  };
}

function ellipse(matrix: Matrix, count: number): [number, number][] {
  const [[a, b], [, d]] = matrix as [[number, number], [number, number]];
  // Cholesky's factor takes a circle to the ellipse.
  const first = Math.sqrt(a);
  const slope = b / first;
  const rest = Math.sqrt(d - slope ** 2);
  return Array.from({ length: count + 1 }, (_, i) => {
    const angle = (2 * Math.PI * i) / count;
    return [first * Math.cos(angle), slope * Math.cos(angle) + rest * Math.sin(angle)];
  });
}

function determinant(matrix: Matrix): number {
  const [[a, b], [c, d]] = matrix as [[number, number], [number, number]];
  return a * d - b * c;
}

function short(name: string): string {
  return name.replace(/ \(.*| of one.*|,.*/, '');
}
