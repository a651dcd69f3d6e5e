/** What every Dataset must do. */
import { batches, type Dataset } from '../dataset.ts';
import { elements } from '../draws.ts';
import { key } from '../key.ts';
import { check, checkClose, checkRefuses, type ConformanceCase } from './conformance.ts';

/** Cases for a data set of at least four examples; `make` opens it for each. */
export function datasetConformance(make: () => Promise<Dataset> | Dataset): ConformanceCase[] {
  const cases: Record<string, (dataset: Dataset) => Promise<void>> = {
    'shape and size are positive integers, and labels are as many as examples': async ({
      shape,
      size,
      labels,
    }) => {
      check(
        [...shape, size].every((count) => Number.isSafeInteger(count) && count > 0),
        `[${shape.join()}], ${size}`,
      );
      check(labels === undefined || labels.length === size, `${labels?.length} labels for ${size} examples`);
    },
    'gather gives the examples asked for, in that order, as its dtype says': async (dataset) => {
      const last = dataset.size - 1;
      const size = elements(dataset.shape);
      const values = await dataset.gather([last, 0, 1, last]);
      check(
        values instanceof (dataset.dtype === 'uint8' ? Uint8Array : Float32Array),
        `not ${dataset.dtype}`,
      );
      check(values.length === 4 * size, `${values.length} values for 4 examples of ${size}`);
      const row = (i: number): Uint8Array | Float32Array => values.slice(i * size, (i + 1) * size);
      checkClose(row(3), row(0), 0, 'the last example twice');
      checkClose(await dataset.gather([0]), row(1), 0, 'example 0 alone');
      checkClose(await dataset.gather([1]), row(2), 0, 'example 1 alone');
      check(values.every(Number.isFinite), 'a value is not finite');
    },
    'examples that do not exist are refused': async (dataset) => {
      await checkRefuses(() => dataset.gather([dataset.size]), 'INVALID_ARGUMENT', 'an index past the end');
      await checkRefuses(() => dataset.gather([-1]), 'INVALID_ARGUMENT', 'a negative index');
    },
    'an epoch of batches holds no example twice, and a resumed one goes on where it stopped': async (
      dataset,
    ) => {
      const batchSize = 2;
      const perEpoch = Math.min(Math.floor(dataset.size / batchSize), 50);
      const seen: number[] = [];
      const stream = batches(dataset, { batchSize, key: key(5) });
      for (let i = 0; i < perEpoch; i++) seen.push(...(await stream.next()).value.indices);
      check(new Set(seen).size === seen.length, 'an example came twice in an epoch');
      const resumed = batches(dataset, { batchSize, key: key(5), start: 1 });
      const second = (await resumed.next()).value.indices;
      check(
        [...second].join() === seen.slice(batchSize, 2 * batchSize).join(),
        'the resumed batch is another one',
      );
    },
  };
  return Object.entries(cases).map(([name, body]) => ({ name, run: async () => body(await make()) }));
}
