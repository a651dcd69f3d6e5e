/** Every hyper-parameter of a run, described once: flags, configuration file and documentation come from here. */
import { InvalidArgumentError, MOST_STEPS } from '@srmcmc/core';
import { problemOf } from '@srmcmc/flags';
import { z } from 'zod';
import { nearest } from './nearest.ts';
import { presetNames, presets } from './presets.ts';

/** Of the configuration file. Goes up when a field changes its meaning or leaves. */
const CONFIG_VERSION = 1;

/** No picture of images has room for as many, and one of points shows no more. */
const MOST_SAMPLES = 1_000_000;

const count = () => z.int().min(1);
const positive = () => z.number().positive();
const notNegative = () => z.number().nonnegative();
const fraction = () => z.number().min(0).max(1);
const rate = () => z.number().min(0).lt(1);
const sizes = () => z.array(count()).min(1);

/** The fields by what they are about. `null` means: not used. */
export const fieldGroups = {
  General: {
    preset: z.enum(presetNames).default('small').describe('gives values for all fields that are not given'),
    seed: z.int().min(0).default(0).describe('decides weights, order of the data, and all noise'),
    iterations: count().default(700).describe('iterations of Algorithm 1'),
    maxMinutes: positive()
      .nullable()
      .default(null)
      .describe('stop after this many minutes, with a checkpoint'),
    initWeights: z
      .string()
      .nullable()
      .default(null)
      .describe('start from these weights: .safetensors or .pth; the net is read off the file'),
    export: z
      .string()
      .nullable()
      .default(null)
      .describe('write the learned weights here at the end, as a PyTorch state dict: .pth or .safetensors'),
  },
  Data: {
    data: z
      .string()
      .default('cifar10')
      .describe(
        'cifar10, mnist, a toy (mixture2d, gaussian-ring, rings, checkerboard, moons, pinwheel), or a path',
      ),
    subset: count().nullable().default(null).describe('only the first examples'),
    imageSide: count()
      .nullable()
      .default(null)
      .describe('images of a folder are resized to this side, in pixels'),
    crop: count()
      .nullable()
      .default(null)
      .describe('side of the centred square cut out first; as large as fits unless given'),
    skipBad: z
      .boolean()
      .default(false)
      .describe('decode all images of a folder at the start, and leave out those that cannot be used'),
    sigma: notNegative().default(0.05).describe('standard deviation of the noise added to the data'),
    batch: count().default(32).describe('m, examples and chains an iteration'),
  },
  Network: {
    channels: sizes()
      .default([16])
      .describe(
        'channels of the layers; one number n stands for n, 2n, 4n, 8n, 8n, ... down to 4 × 4 pixels',
      ),
    hidden: sizes().default([128, 128]).describe('units of the hidden layers, where the data are points'),
    activation: z
      .enum(['leakyRelu', 'relu', 'elu', 'softplus', 'swish', 'gelu', 'tanh'])
      .default('leakyRelu')
      .describe('between layers (leakyRelu with slope 0.2)'),
  },
  Sampler: {
    kernel: z
      .enum(['langevin', 'hmc'])
      .default('langevin')
      .describe('what makes a step of a short run; hmc is without a Metropolis test'),
    steps: count()
      .max(MOST_STEPS)
      .default(50)
      .describe('K, steps of the kernel in a short run, of which all is held in memory: at most a million'),
    leapfrogSteps: count()
      .max(MOST_STEPS)
      .default(3)
      .describe('L, gradients in one step of hmc; each moves as a step of langevin does'),
    drift: notNegative().default(1).describe('coefficient of the gradient in a step'),
    noise: notNegative().default(0.01).describe('coefficient of the normal noise in a step'),
    stepSize: positive()
      .nullable()
      .default(null)
      .describe('Δ of the textbook form: drift Δ²/2, noise Δ; replaces both'),
    initialRange: positive()
      .default(1)
      .describe('chains start uniformly on [-range, range] in every coordinate'),
    chains: z
      .enum(['noise', 'data', 'persistent'])
      .default('noise')
      .describe('where chains start, fresh noise (short-run), the data (CD) or a replay buffer (PCD)'),
    bufferSize: count().default(1000).describe('chains remembered by persistent chains'),
    renewal: fraction().default(0.05).describe('probability that a persistent chain starts afresh'),
  },
  Optimizer: {
    learningRate: positive().default(1.5e-4).describe('of Adam'),
    beta1: rate().default(0.9).describe('of Adam, decay of the first moment'),
    beta2: rate().default(0.999).describe('of Adam, decay of the second moment'),
    annealFrom: fraction().default(0.6).describe('fraction of the iterations after which annealing begins'),
    learningRateDecay: positive()
      .max(1)
      .default(0.3)
      .describe('factor on the learning rate, reached at the end'),
    sigmaDecay: positive().max(1).default(1).describe('factor on sigma, reached at the end'),
  },
  Divergence: {
    saturation: positive()
      .default(2)
      .describe('mean |x| of the samples beyond which a run counts as diverged'),
    travel: positive()
      .default(2)
      .describe('path length of the chains, in sizes of their start, beyond which a run counts as diverged'),
    maxRollbacks: z
      .int()
      .min(0)
      .default(3)
      .describe('how often a diverged run goes back to its last checkpoint'),
    rollbackFactor: positive().lt(1).default(0.5).describe('factor on the learning rate each time'),
  },
  Output: {
    runs: z.string().min(1).default('runs').describe('folder of all runs'),
    name: z
      .string()
      // `.` and `..` are folders that are there already.
      .regex(
        /^(?!\.+$)[\w.-]+$/,
        'must be made of letters, digits, dots, dashes and underscores, and not of dots alone',
      )
      .nullable()
      .default(null)
      .describe("the run's folder in it, the preset unless given; a number is added where it exists"),
    sampleEvery: count().default(50).describe('iterations between pictures of samples'),
    samples: count().max(MOST_SAMPLES).default(64).describe('chains in a picture'),
    evaluateEvery: count()
      .nullable()
      .default(100)
      .describe('iterations between evaluations of image models: a distance of samples to the data'),
    checkpointEvery: count().default(50).describe('iterations between checkpoints'),
    keep: count().default(3).describe('checkpoints kept'),
  },
  Machine: {
    backend: z
      .enum(['auto', 'native', 'tensorflow-gpu', 'tensorflow', 'wasm', 'cpu'])
      .default('auto')
      .describe('what computes'),
    precision: z
      .enum(['auto', 'float32', 'bfloat16'])
      .default('auto')
      .describe('of chains and gradients on the native backend; auto is bfloat16 where that is faster'),
    threads: count().nullable().default(null).describe('of the native backend; one a core unless given'),
  },
} as const;

const { General, Data, Network, Sampler, Optimizer, Divergence, Output, Machine } = fieldGroups;
const fields = {
  ...General,
  ...Data,
  ...Network,
  ...Sampler,
  ...Optimizer,
  ...Divergence,
  ...Output,
  ...Machine,
};

export const configSchema = z.strictObject({
  version: z.literal(CONFIG_VERSION).default(CONFIG_VERSION),
  ...fields,
});

export type Config = z.output<typeof configSchema>;
export type ConfigField = Exclude<keyof Config, 'version'>;
/** Values as a user gives them: some fields, not yet checked. */
export type GivenConfig = Readonly<Record<string, unknown>>;

export const configFields = Object.keys(fields) as ConfigField[];

/** Fields that may be given anew when a run is resumed: they do not change what has been learned so far. */
const RESUMABLE: readonly ConfigField[] = [
  'iterations',
  'maxMinutes',
  'export',
  // What was learned from the files that are left stays true.
  'skipBad',
  'saturation',
  'travel',
  'maxRollbacks',
  'sampleEvery',
  'evaluateEvery',
  'checkpointEvery',
  'keep',
  'runs',
  'backend',
  'precision',
  'threads',
];

/**
 * The configuration of a run: `given` on top of its preset on top of the defaults.
 *
 * @throws InvalidArgumentError for an unknown field (and names the nearest), a value out of range, or another version.
 */
export function resolveConfig(given: GivenConfig): Config {
  requireFields(given);
  const preset = given.preset === undefined ? 'small' : given.preset;
  const base = presetNames.includes(preset as never) ? presets[preset as keyof typeof presets] : {};
  return parse({ ...base, ...given });
}

/**
 * The configuration of a resumed run: what it was, with `given` fields changed where that is allowed.
 *
 * @throws InvalidArgumentError as `resolveConfig` does, and for a changed field that the run depends on.
 */
export function resumedConfig(stored: GivenConfig, given: GivenConfig): Config {
  requireFields(stored);
  requireFields(given);
  const before = parse(stored);
  const after = parse({ ...before, ...given });
  for (const field of configFields) {
    if (RESUMABLE.includes(field) || JSON.stringify(before[field]) === JSON.stringify(after[field])) continue;
    throw new InvalidArgumentError(
      field,
      `is ${JSON.stringify(before[field])} in the run and cannot become ${JSON.stringify(after[field])}: start a ` +
        'new run, with --init-weights to go on from these weights',
    );
  }
  return after;
}

function requireFields(given: GivenConfig): void {
  const { version } = given;
  if (version !== undefined && version !== CONFIG_VERSION) {
    const remedy =
      typeof version === 'number' && version > CONFIG_VERSION
        ? 'update @srmcmc'
        : 'compare it with --print-config, which prints every field of today, and set version to 1';
    throw new InvalidArgumentError(
      'version',
      `the configuration is of version ${JSON.stringify(version)}, this program reads ${CONFIG_VERSION}: ${remedy}`,
    );
  }
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(configSchema.shape, name));
  if (unknown === undefined) return;
  throw new InvalidArgumentError(
    unknown,
    `is not a field of the configuration${nearest(unknown, configFields, (name) => `; did you mean ${name}?`)}`,
  );
}

function parse(given: GivenConfig): Config {
  const result = configSchema.safeParse(given);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const field = String(issue.path[0]);
  throw new InvalidArgumentError(field, `${problemOf(issue)}, got ${JSON.stringify(given[field])}`);
}
