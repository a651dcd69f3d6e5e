/** Second moments of rectified responses, against loops over positions in double precision. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, test } from 'vitest';
import { key, normal } from '@srmcmc/core';
import { filterProducts, haar, laplacianOfGaussian } from '@srmcmc/energy';
import { relativeError } from '../../../tools/goldens/golden.ts';

describe('filterProducts', () => {
  beforeAll(() => tf.setBackend('cpu'));
  const filters = [...haar({ sizes: [2] }), ...laplacianOfGaussian({ deviations: [0.7] })];
  const [height, width, channels] = [9, 8, 2];

  const images = (n: number) => normal(key(5), [n, height, width, channels]) as tf.Tensor4D;

  /** Response of a filter whose centre is at (row, column): wrapped round, or undefined where it would reach beyond. */
  const responseAt = (pixels: number[][][], index: number, channel: number, row: number, column: number) => {
    const { size, values } = filters[index]!;
    const centre = Math.floor((size - 1) / 2);
    let sum = 0;
    for (let i = 0; i < size * size; i++) {
      const y = row - centre + Math.floor(i / size) + height;
      const x = column - centre + (i % size) + width;
      sum += values[i]! * pixels[y % height]![x % width]![channel]!;
    }
    return sum;
  };

  test.each([
    ['periodic', 0, 0],
    ['valid', 3, 3], // the Laplacian has 7 pixels a side
  ] as const)(
    '%s: are means over positions of products of rectified responses',
    async (boundary, before, after) => {
      const features = filterProducts({ imageShape: [height, width, channels], filters, boundary });
      const image = images(1);
      const pixels = (image.arraySync() as number[][][][])[0]!;
      const found = await features.apply(image).data();
      const positions: number[][] = [];
      for (let row = before; row < height - after; row++)
        for (let column = before; column < width - after; column++) {
          const responses = [0, 1].flatMap((c) =>
            filters.map((_, f) => responseAt(pixels, f, c, row, column)),
          );
          positions.push([...responses.map((r) => Math.max(r, 0)), ...responses.map((r) => Math.max(-r, 0))]);
        }
      const count = 2 * channels * filters.length;
      const products: number[] = [];
      for (let a = 0; a < count; a++)
        for (let b = a; b < count; b++)
          if (b !== a + count / 2)
            products.push(positions.reduce((sum, p) => sum + p[a]! * p[b]!, 0) / positions.length);
      expect(relativeError(found, products)).toBeLessThan(1e-5);
      expect(features.names).toHaveLength(products.length);
      expect(new Set(features.names).size).toBe(products.length);
      expect(features.names[1]).toBe('channel 0 haar 2 across + × channel 0 haar 2 down +');
    },
  );

  test('are of the same image whatever the strides of the filters', async () => {
    const options = { imageShape: [height, width, channels], filters } as const;
    const strided = { ...options, filters: filters.map((filter) => ({ ...filter, stride: 2 })) };
    const x = images(2);
    expect(await filterProducts(strided).apply(x).data()).toEqual(
      await filterProducts(options).apply(x).data(),
    );
  });
});
