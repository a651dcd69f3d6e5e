/**
 * How good the CIFAR-10 classifier is, and whether distances of its features order what is plainly worse: the test images,
 * and the same with more and more noise, against as many training images. Learns it where there is none.
 */
import { selectBackend } from '@srmcmc/backends';
import { type Dataset, key, MissingWeightsError, normals } from '@srmcmc/core';
import { cifar10 } from '@srmcmc/datasets';
import {
  classifier,
  classifierAccuracy,
  classifierScore,
  collectFeatures,
  frechetDistance,
  loadClassifierWeights,
  statisticsOf,
  trainClassifier,
} from '@srmcmc/metrics';

const IMAGES = 5000;
/** Standard deviations, of 255. */
const NOISE = [0, 4, 8, 16, 32, 64];

console.log((await selectBackend()).label);
const train = await cifar10();
const weights = await loadClassifierWeights().catch(async (error: unknown) => {
  if (!(error instanceof MissingWeightsError)) throw error;
  const begun = performance.now();
  const learned = await trainClassifier(train, {
    onProgress: ({ step, steps, loss }) => {
      if (step % 100 === 0) console.log(`${step} of ${steps}, cross-entropy ${loss.toFixed(3)}`);
    },
  });
  console.log(`${((performance.now() - begun) / 1000).toFixed(0)} s`);
  return learned;
});
const network = classifier(weights);
const test = await cifar10({ split: 'test' });
console.log(`SHA-256 ${weights.sha256}`);
console.log(`${(100 * (await classifierAccuracy(network, train))).toFixed(2)} % of the training images`);
console.log(`${(100 * (await classifierAccuracy(network, test))).toFixed(2)} % of the test images`);
const reference = statisticsOf(await collectFeatures(network.features, [await images(train, 0)]));
console.log('noise   Fréchet distance   classifier score');
for (const strength of NOISE) {
  const batch = [await images(test, strength)];
  const distance = await frechetDistance(
    statisticsOf(await collectFeatures(network.features, batch)),
    reference,
  );
  const score = classifierScore(await collectFeatures(network.logits, batch));
  console.log(
    `${String(strength).padStart(5)}   ${distance.value.toFixed(3).padStart(16)}   ${score.value.toFixed(3).padStart(16)}`,
  );
}
network.dispose();

/** The first images with normal noise, rounded and clipped to bytes. */
async function images(data: Dataset, strength: number) {
  const values = await data.gather(Uint32Array.from({ length: IMAGES }, (_, i) => i));
  const noise = normals(key(1), IMAGES, values.length / IMAGES);
  const bytes = Uint8ClampedArray.from(values, (value, i) => value + strength * noise[i]!);
  return { values: new Uint8Array(bytes.buffer), shape: [IMAGES, ...data.shape] };
}
