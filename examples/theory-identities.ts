/**
 * Nijkamp et al. 2019, section 7.1, eq. 8 and eq. 9, to rounding errors: the geometry of maximum likelihood and of
 * short-run learning. `--full` for more draws, `--out file.svg` for a figure.
 */
import { foldIn, type Key, key, normals, split } from '@srmcmc/core';
import { type LineChart, lineCharts } from '@srmcmc/figures';
import { printTable } from './shared/command-line.ts';
import { full, writeFigure } from './shared/figure-flags.ts';
import { entropy, kl, tilted } from './theory/finite.ts';
import {
  fourSpins,
  identities,
  type Learned,
  learned,
  modelOf,
  projected,
  modesOnGrid,
  uniformOn,
  type World,
} from './theory/geometry.ts';

const draws = full ? 100 : 2;
const grid = modesOnGrid();
const cube = fourSpins(key(1));
const [onGrid, onCube] = [learned(grid), learned(cube)];

for (const [world, found] of [
  [grid, onGrid],
  [cube, onCube],
] as const) {
  console.log(`\n${world.name}, ${draws} draws of θ and of other laws`);
  const trials = Array.from({ length: draws }, (_, draw) => identitiesAt(world, found, foldIn(key(2), draw)));
  const rows = trials[0]!.map(({ name, left, right }, i) => {
    const worst = Math.max(...trials.map((trial) => Math.abs(trial[i]!.left - trial[i]!.right)));
    return [name, left.toFixed(6), right.toFixed(6), worst];
  });
  printTable(['identity, in nats', 'left', 'right', 'largest difference'], rows);
}

const { thetaHat, pHat, thetaBar, qBar, pBar } = onGrid;
console.log('\nwhat is learned on the grid');
printTable(
  ['law', 'KL(data‖law)', 'entropy'],
  [
    ['the data', 0, entropy(grid.data)],
    ['p_θ̂, maximum likelihood', kl(grid.data, pHat), entropy(pHat)],
    ['q_θ̄, the short run', kl(grid.data, qBar), entropy(qBar)],
    ['p_θ̄, the energy that guides it', kl(grid.data, pBar), entropy(pBar)],
  ],
);
await writeFigure(
  lineCharts({ title: 'Maximum likelihood and short-run learning', charts: [densities(), parallels()] }),
);

/** Both sides of every identity, with θ and a law r drawn at random. */
function identitiesAt(world: World, found: Learned, from: Key) {
  const [thetaKey, lawKey] = split(from) as [Key, Key];
  const other = tilted(uniformOn(world), normals(lawKey, 1, world.data.length));
  return identities(world, found, Array.from(normals(thetaKey, 1, world.features.length)), other);
}

function densities(): LineChart {
  const { points, data } = grid;
  const width = points[1]! - points[0]!;
  const series = Object.entries({ data, 'p_θ̂ (MLE)': pHat, 'q_θ̄ (short run)': qBar, 'p_θ̄ (energy)': pBar });
  return {
    title: 'Same moments: p_θ̂ and q_θ̄; the guide p_θ̄ is another law',
    xLabel: 'x',
    yLabel: 'density',
    series: series.map(([label, p]) => ({ label, points: Array.from(points, (x, i) => [x, p[i]! / width]) })),
  };
}

/** KL(p‖p_θ) along the line through θ̂ and θ̄, for three p of Ω: one curve, shifted by KL(p‖p_θ̂). */
function parallels(): LineChart {
  const places = Array.from({ length: 121 }, (_, i) => -1 + i / 40);
  const rough = tilted(uniformOn(grid), normals(key(3), 1, grid.data.length));
  const series = Object.entries({
    'p = p_θ̂': pHat,
    'p = q_θ̄': qBar,
    'p = a rough law with these moments': projected(grid, rough).p,
  });
  return {
    title: 'KL(p‖p_θ) = KL(p‖p_θ̂) + KL(p_θ̂‖p_θ) for p in Ω',
    xLabel: 't,  θ = θ̂ + t (θ̄ − θ̂)',
    yLabel: 'KL(p‖p_θ), nats',
    marks: [0, 1],
    series: series.map(([label, p]) => ({
      label,
      points: places.map((t) => {
        const theta = thetaHat.map((hat, k) => hat + t * (thetaBar[k]! - hat));
        return [t, kl(p, modelOf(grid, theta))];
      }),
    })),
  };
}
