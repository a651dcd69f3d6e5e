/**
 * FRAME learned on patches of CIFAR-10 by short runs: the means of all features, of a filter bank and of a ConvNet's
 * layers, in fresh samples and in images held out. `--full` for a budget of minutes, `--out file.svg` for figures.
 */
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '@srmcmc/backends';
import { dispose, foldIn, key } from '@srmcmc/core';
import { openDataset } from '@srmcmc/datasets';
import {
  convEnergy,
  type Features,
  filterFeatures,
  gabor,
  gaussianDerivatives,
  haar,
  histogram,
  intensity,
  laplacianOfGaussian,
  linearEnergy,
  magnitude,
  type Marginal,
  networkFeatures,
} from '@srmcmc/energy';
import { adam, assignAverage, robbinsMonro } from '@srmcmc/estimators';
import { imageTable } from '@srmcmc/figures';
import { conditioned, onTheWay } from './frame/conditioned.ts';
import { type Agreement, agreement, featuresOf } from './frame/gaps.ts';
import { gapCharts } from './frame/charts.ts';
import { learn, samplesOf } from './frame/learning.ts';
import { bytesOf, imagesFrom, PATCH, patchesOf } from './frame/patches.ts';
import { printTable } from './shared/command-line.ts';
import { full, writeFigure } from './shared/figure-flags.ts';

await selectBackend('auto');
const budget = full
  ? { net: 400, near: 250, match: 450, batch: 64, examples: 2000, places: 64, fresh: 2500, heldOut: 10_000 }
  : { net: 2, near: 2, match: 2, batch: 8, examples: 100, places: 8, fresh: 40, heldOut: 80 };
const DRAWN = 10;

const train = await openDataset('cifar10');
const test = await openDataset('cifar10', { split: 'test' });
const examples = await patchesOf(train, imagesFrom(0, budget.examples));
const heldOut = await patchesOf(test, imagesFrom(0, budget.heldOut));
// Images that nothing else here has seen: what the comparison says where there is no difference.
const others = await patchesOf(train, imagesFrom(train.size - budget.fresh, budget.fresh));
const learned = await openDataset('cifar10', { subset: train.size - budget.fresh });

const readings = { 'filter bank': filterBank(), "a ConvNet's layers": await netLayers() };
const studies: Awaited<ReturnType<typeof study>>[] = [];
for (const [name, features] of Object.entries(readings)) studies.push(await study(name, features));

console.log(
  `means of features of ${budget.fresh} samples and of ${budget.heldOut} images held out, after ${budget.near} + ${budget.match} iterations; z = gap / standard error`,
);
printTable(
  ['features', 'samples', 'number', 'beyond the bar', 'the bar, |z|', 'beyond 1.96', 'rms z', 'largest |z|'],
  studies.flatMap(({ name, ...found }) =>
    (
      [
        ['noise, nothing learned', found.noise],
        ['short runs', found.short],
        ['other images', found.images],
      ] as const
    ).map(([samples, { gaps, beyond, bar, beyondAlone, rootMeanSquare, largest }]) => [
      name,
      samples,
      gaps.length,
      beyond,
      bar.toFixed(2),
      beyondAlone,
      rootMeanSquare.toFixed(2),
      largest.toFixed(2),
    ]),
  ),
);
await writeFigure(gapCharts(studies));
const rows = [
  { label: 'images held out', images: await bytesOf(tf.slice(heldOut, 0, DRAWN)) },
  { label: 'noise, z', images: studies[0]!.start },
  ...studies.map(({ name, drawn }) => ({ label: name, images: drawn })),
];
await writeFigure(
  await imageTable({ title: 'Patches, and short runs with their moments', shape: PATCH, rows }),
  'patches',
);

/** Histograms and magnitudes of 21 filters' responses: the second still pull where all of an image is beyond a bin. */
function filterBank(): Features {
  const parts = [histogram({ bins: 5, range: 2, softness: 0.4 }), magnitude({ smoothing: 0.5 })];
  const marginal: Marginal = {
    labels: parts.flatMap(({ labels }) => labels),
    apply: (responses) =>
      tf.concat(
        parts.map((part) => part.apply(responses)),
        2,
      ),
  };
  const filters = [
    ...intensity(),
    ...haar({ sizes: [2] }),
    ...haar({ sizes: [4], stride: 2 }),
    ...laplacianOfGaussian({ deviations: [0.7, 1], stride: 2 }),
    ...gaussianDerivatives({ deviations: [0.7], orientations: 2, stride: 2 }),
    ...gabor({ wavelengths: [4], stride: 2 }),
  ];
  return filterFeatures({ imageShape: PATCH, filters, marginal, examples });
}

/** The channels of a ConvNet that Algorithm 1 has learned on the same images, with its own last layer taken off. */
async function netLayers(): Promise<Features> {
  const net = convEnergy({ imageShape: PATCH, channels: [16, 32, 64], key: key(1) });
  const { net: iterations, batch } = budget;
  const optimizer = adam({ learningRate: 3e-4 });
  dispose(
    await learn('ConvNet', net, learned, { iterations, batch, optimizer, smoothing: 0.03, key: key(2) }),
  );
  return networkFeatures(net, { layers: [1, 2, 3] });
}

async function study(name: string, features: Features) {
  const data = await featuresOf(features, heldOut);
  const against = async (images: tf.Tensor): Promise<Agreement> =>
    agreement(await featuresOf(features, images), data);
  const { near, match, batch, places, fresh } = budget;

  // First from noise to near the data, then, in coordinates measured where that has come to, to the match.
  const way = onTheWay(examples, places, key(3));
  const first = await conditioned(features, examples, way);
  const rough = linearEnergy({ features: first });
  const before = await samplesOf(rough, fresh, key(4));
  const noise = await against(before);
  const fast = robbinsMonro({ scale: 0.12, offset: 20, exponent: 0.6 });
  const nearState = await learn(`${name}, first`, rough, learned, {
    iterations: near,
    batch,
    optimizer: fast,
    key: key(5),
  });
  const reached = await samplesOf(rough, places, key(6));
  const second = await conditioned(features, examples, reached);
  const start = tf.tidy(() => second.conditioned(first.plain(rough.theta)));
  const energy = linearEnergy({ features: second, theta: await start.data() });
  const slow = robbinsMonro({ scale: 0.18, offset: 100, exponent: 0.6, averageAfter: match / 2 });
  const state = await learn(`${name}, second`, energy, learned, {
    iterations: match,
    batch,
    optimizer: slow,
    key: key(7),
  });
  assignAverage(energy.variables, state);

  const after = await samplesOf(energy, fresh, foldIn(key(4), 1));
  const result = {
    name,
    noise,
    short: await against(after),
    images: await against(others),
    start: await bytesOf(tf.slice(before, 0, DRAWN)),
    drawn: await bytesOf(tf.slice(after, 0, DRAWN)),
  };
  dispose([way, before, nearState, reached, start, state, after]);
  return result;
}
