/** Markov chains on finitely many points: the law of a chain after K steps is K products with a matrix. */
import type { Distribution, Feature } from './finite.ts';

/** Row i holds the probabilities of going from point i to each point. */
export type Transition = readonly Float64Array[];

/** Equally spaced points: the middles of `cells` parts of [low, high]. */
export function gridPoints(low: number, high: number, cells: number): Float64Array {
  return Float64Array.from({ length: cells }, (_, i) => low + ((i + 0.5) * (high - low)) / cells);
}

/**
 * Langevin dynamics (Nijkamp et al. 2019, eq. 4) on a grid: from x to each point with the density there of
 * N(x + (Δ²/2) f′(x), Δ²), normalised over the grid. f′ is f's difference between the neighbours.
 */
export function langevinOnGrid(points: Float64Array, f: Feature, stepSize: number): Transition {
  const last = points.length - 1;
  return Array.from(points, (x, i) => {
    const [left, right] = [Math.max(i - 1, 0), Math.min(i + 1, last)];
    const slope = (f[right]! - f[left]!) / (points[right]! - points[left]!);
    const centre = x + (stepSize ** 2 / 2) * slope;
    // Relative to the nearest point, so that a centre off the grid does not make all of them 0.
    const distances = points.map((y) => ((y - centre) / stepSize) ** 2 / 2);
    const nearest = Math.min(...distances);
    return withSumOne(distances.map((distance) => Math.exp(nearest - distance)));
  });
}

/** Accepts a move i → j with probability min(1, p_j Q_ji / p_i Q_ij) (Hastings 1970), and so leaves p as it is. */
export function metropolised(proposal: Transition, p: Distribution): Transition {
  return proposal.map((row, i) => {
    const accepted = row.map((mass, j) => Math.min(mass, (p[j]! * proposal[j]![i]!) / p[i]!));
    accepted[i] = 0;
    accepted[i] = 1 - accepted.reduce((a, b) => a + b, 0);
    return accepted;
  });
}

/** Glauber dynamics on the corners of a cube: a bit chosen evenly is drawn anew given the others, as p has it. */
export function glauber(p: Distribution, bits: number): Transition {
  return Array.from(p, (mass, x) => {
    const row = new Float64Array(p.length);
    for (let bit = 0; bit < bits; bit++) {
      const flipped = x ^ (1 << bit);
      const chance = p[flipped]! / (mass + p[flipped]!) / bits;
      row[flipped]! += chance;
      row[x]! += 1 / bits - chance;
    }
    return row;
  });
}

/** The laws after 0, 1, ..., K steps. */
export function laws(transition: Transition, start: Distribution, steps: number): Distribution[] {
  const all = [start];
  for (let k = 0; k < steps; k++) all.push(after(transition, all[k]!));
  return all;
}

/** M p: the law one step later. */
export function after(transition: Transition, p: Distribution): Distribution {
  const next = new Float64Array(p.length);
  transition.forEach((row, i) => {
    const mass = p[i]!;
    for (let j = 0; j < row.length; j++) next[j]! += mass * row[j]!;
  });
  return next;
}

/** The law that a transition leaves as it is, by squaring the matrix until its rows agree. */
export function stationary(transition: Transition): Distribution {
  let power = transition;
  for (let squarings = 0; squarings < 60; squarings++) {
    const [first, last] = [power[0]!, power.at(-1)!];
    if (first.every((mass, j) => Math.abs(mass - last[j]!) < 1e-15)) break;
    power = power.map((row) => withSumOne(after(power, row)));
  }
  return power[0]!;
}

function withSumOne(weights: Float64Array): Float64Array {
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}
