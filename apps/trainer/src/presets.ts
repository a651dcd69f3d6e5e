/** Named sets of values: the paper's experiments, and small ones that show something within minutes. */

export const presetNames = [
  'quick',
  'small',
  'cifar10-paper',
  'celeba-paper',
  'lsun-paper',
  'mnist',
  'toy-2d',
] as const;

export type PresetName = (typeof presetNames)[number];

/** Nijkamp et al. 2019, 3.1 and 7.4: K = 100, m = 64, Adam 1e-4, σ = 0.03, 40,000 training images. */
const paper = {
  steps: 100,
  batch: 64,
  learningRate: 1e-4,
  sigma: 0.03,
  subset: 40_000,
  iterations: 50_000,
  annealFrom: 0.8,
  learningRateDecay: 0.1,
  sigmaDecay: 0.5,
  sampleEvery: 500,
  evaluateEvery: 500,
  checkpointEvery: 500,
};

/** What each preset changes; every other field keeps its default, which is the preset `small`. */
export const presets = {
  // The paper's net, K and m, for as long as a processor with AMX takes some minutes for.
  quick: {
    ...paper,
    channels: [32],
    subset: null,
    iterations: 1000,
    annealFrom: 0.6,
    learningRateDecay: 0.3,
    sampleEvery: 50,
    evaluateEvery: 100,
    checkpointEvery: 50,
  },
  // A net that any two cores teach something in minutes; with σ as in Table 2 for so few steps.
  small: {},
  // The width of the paper's ablations (Table 2); its best row has 128.
  'cifar10-paper': { ...paper, data: 'cifar10', channels: [32] },
  'celeba-paper': { ...paper, data: 'celeba', imageSide: 64, crop: 108, channels: [64] },
  'lsun-paper': { ...paper, data: 'lsun', imageSide: 64, channels: [64] },
  mnist: { data: 'mnist' },
  'toy-2d': {
    data: 'gaussian-ring',
    activation: 'swish',
    stepSize: 0.1,
    steps: 50,
    batch: 128,
    initialRange: 3,
    sigma: 0,
    learningRate: 3e-3,
    iterations: 2000,
    saturation: 20,
    travel: 50,
    samples: 1000,
    sampleEvery: 250,
    checkpointEvery: 250,
  },
} as const satisfies Record<PresetName, object>;
