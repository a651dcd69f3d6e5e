/** The two families of Nijkamp et al. 2019, 7.1, where everything is a finite sum, and the points that learning finds. */
import { type Key, normals } from '@srmcmc/core';
import { mixture1d, type Toy } from '@srmcmc/datasets';
import { type Distribution, entropy, type Feature, kl, moments, normalised, tilted } from './finite.ts';
import { glauber, gridPoints, langevinOnGrid, laws, type Transition } from './grid-chain.ts';
import { newton } from './newton.ts';

/** p_θ ∝ exp⟨θ, h⟩ on finitely many points, data, and K steps of a chain that p_θ guides. */
export interface World {
  readonly name: string;
  /** h. */
  readonly features: readonly Feature[];
  readonly data: Distribution;
  /** One step of M_θ. */
  readonly chain: (theta: readonly number[]) => Transition;
  readonly steps: number;
}

/** A mixture on a grid (three Gaussians unless given), eight cosines, and twenty Langevin steps. */
export function modesOnGrid(truth: Toy = mixture1d()): World & { readonly points: Float64Array } {
  const [low, high] = [-3, 3];
  const points = gridPoints(low, high, 120);
  const waves = Array.from({ length: 8 }, (_, k) =>
    points.map((x) => Math.cos(((k + 1) * Math.PI * (x - low)) / (high - low))),
  );
  return {
    name: 'grid of 120 points',
    points,
    features: waves,
    data: normalised(truth.logDensity!(points).map(Math.exp)),
    chain: (theta) => langevinOnGrid(points, combination(theta, waves), 0.2),
    steps: 20,
  };
}

/** Sixteen states of four spins, their four values and six products, a random law, and four Glauber steps. */
export function fourSpins(key: Key): World {
  const [bits, states] = [4, 16];
  const spin = (bit: number) => Array.from({ length: states }, (_, x) => ((x >> bit) & 1 ? 1 : -1));
  const spins = Array.from({ length: bits }, (_, bit) => spin(bit));
  const products = spins.flatMap((a, i) => spins.slice(i + 1).map((b) => a.map((value, x) => value * b[x]!)));
  const features = [...spins, ...products];
  const even = normalised(new Float64Array(states).fill(1));
  return {
    name: '16 states of 4 spins',
    features,
    data: tilted(
      even,
      normals(key, 1, states).map((draw) => 0.7 * draw),
    ),
    chain: (theta) => glauber(tilted(even, combination(theta, features)), bits),
    steps: 4,
  };
}

/** p_0, the uniform law, which is p_θ at θ = 0. */
export function uniformOn({ data }: World): Distribution {
  return normalised(new Float64Array(data.length).fill(1));
}

/** p_θ. */
export function modelOf(world: World, theta: readonly number[]): Distribution {
  return tilted(uniformOn(world), combination(theta, world.features));
}

/** q_θ = M_θ p_0 after K steps (eq. 5). */
export function shortRunOf(world: World, theta: readonly number[]): Distribution {
  return laws(world.chain(theta), uniformOn(world), world.steps).at(-1)!;
}

/** The law in Ω, which has the data's moments, among base · exp⟨λ, h⟩: the one with the least KL(·‖base). */
export function projected(world: World, base: Distribution): { theta: number[]; p: Distribution } {
  const law = (theta: readonly number[]) => tilted(base, combination(theta, world.features));
  const theta = newton((t) => gap(world, law(t)), zeros(world));
  return { theta, p: law(theta) };
}

export interface Learned {
  readonly thetaHat: readonly number[];
  /** p_θ̂, the law that both families share. */
  readonly pHat: Distribution;
  readonly thetaBar: readonly number[];
  /** q_θ̄, which is in Ω. */
  readonly qBar: Distribution;
  /** p_θ̄, which is not. */
  readonly pBar: Distribution;
}

/** θ̂ by maximum likelihood, and θ̄ by short-run learning: E_q[h] = E_data[h] for q = q_θ̄ (eq. 6). */
export function learned(world: World): Learned {
  const { theta: thetaHat, p: pHat } = projected(world, uniformOn(world));
  const thetaBar = newton((t) => gap(world, shortRunOf(world, t)), zeros(world));
  return { thetaHat, pHat, thetaBar, qBar: shortRunOf(world, thetaBar), pBar: modelOf(world, thetaBar) };
}

/** Both sides of each identity, for any θ, and for any law `other`. */
export function identities(world: World, found: Learned, theta: readonly number[], other: Distribution) {
  const { pHat, qBar, pBar } = found;
  const pTheta = modelOf(world, theta);
  const inOmega = projected(world, other).p;
  return [
    {
      name: 'KL(p‖p_θ) = KL(p‖p_θ̂) + KL(p_θ̂‖p_θ), p the data',
      left: kl(world.data, pTheta),
      right: kl(world.data, pHat) + kl(pHat, pTheta),
    },
    {
      name: 'the same, p another law in Ω',
      left: kl(inOmega, pTheta),
      right: kl(inOmega, pHat) + kl(pHat, pTheta),
    },
    {
      name: 'dual: KL(p‖r) = KL(p‖r*) + KL(r*‖r), r any law',
      left: kl(world.data, other),
      right: kl(world.data, inOmega) + kl(inOmega, other),
    },
    {
      name: 'eq. 8: KL(q_θ̄‖p_θ̂) = H(p_θ̂) − H(q_θ̄)',
      left: kl(qBar, pHat),
      right: entropy(pHat) - entropy(qBar),
    },
    {
      name: 'eq. 9: KL(q_θ̄‖p_θ̄) = KL(q_θ̄‖p_θ̂) + KL(p_θ̂‖p_θ̄)',
      left: kl(qBar, pBar),
      right: kl(qBar, pHat) + kl(pHat, pBar),
    },
  ];
}

/** ⟨θ, h⟩ at every point. */
export function combination(theta: readonly number[], features: readonly Feature[]): Float64Array {
  return Float64Array.from({ length: features[0]!.length }, (_, i) =>
    theta.reduce((sum, t, k) => sum + t * features[k]![i]!, 0),
  );
}

/** E_q[h] − E_data[h]. */
function gap({ features, data }: World, q: Distribution): number[] {
  const goal = moments(data, features);
  return moments(q, features).map((moment, k) => moment - goal[k]!);
}

function zeros({ features }: World): number[] {
  return features.map(() => 0);
}
