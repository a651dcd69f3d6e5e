/** Images against images: the Fréchet distance of CIFAR-10's test images from others of them, sharp and noisy. */
import { foldIn, key, normals } from '@srmcmc/core';
import { openDataset } from '@srmcmc/datasets';
import {
  collectFeatures,
  difference,
  frechetDistance,
  jackknife,
  powerSpectrumFeatures,
  statisticsOf,
} from '@srmcmc/metrics';
import './shared/no-flags.ts';

const COUNT = 300;
const dataset = await openDataset('cifar10', { split: 'test', subset: 2 * COUNT });
const extractor = powerSpectrumFeatures({ shape: [32, 32, 3] });

/** Features of COUNT images from number `first` on, with noise of a standard deviation in grey levels. */
async function features(first: number, noise: number) {
  const values = await dataset.gather(Uint32Array.from({ length: COUNT }, (_, i) => first + i));
  const draws = normals(foldIn(key(1), first), COUNT, 32 * 32 * 3);
  const noisy = Uint8ClampedArray.from(values, (value, i) => value + noise * draws[i]!);
  return collectFeatures(extractor, [{ values: Uint8Array.from(noisy), shape: [COUNT, 32, 32, 3] }]);
}

const reference = statisticsOf(await features(0, 0));
const measured = [];
for (const noise of [0, 5, 20]) {
  const found = await jackknife([await features(COUNT, noise)], ([set]) =>
    frechetDistance(statisticsOf(set!), reference),
  );
  console.log(`noise ${noise}: ${found.value.toPrecision(3)} ± ${found.standardError.toPrecision(2)}`);
  measured.push(found);
}
const { z } = difference(measured[2]!, measured[0]!);
console.log(`the noisiest is ${z?.toFixed(1)} standard errors farther than the sharp`);
