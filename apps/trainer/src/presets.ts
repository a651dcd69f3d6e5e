/** Named sets of values: the paper's experiments, and small ones that show something within minutes. */

export const presetNames = [
  'quick',
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
  checkpointEvery: 500,
};

/** What each preset changes; every other field keeps its default, which is the preset `quick`. */
export const presets = {
  // K and σ as the paper pairs them (Table 2: 25 and 0.05); a smaller σ diverges within some hundred iterations.
  quick: {},
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
