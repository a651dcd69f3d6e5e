/** The dark fields of a checkerboard, evenly filled. */
import { InvalidArgumentError, requireInteger, uniforms } from '@srmcmc/core';
import { requirePositive } from './mixture.ts';
import type { Toy } from './toy.ts';

export interface CheckerboardOptions {
  /** Fields along a side, an even number. */
  readonly fields?: number;
  /** The board is [-extent, extent)². */
  readonly extent?: number;
}

/** Uniform on the fields (column, row) whose column + row is even; zero density elsewhere. */
export function checkerboard({ fields = 4, extent = 2 }: CheckerboardOptions = {}): Toy {
  requireInteger('fields', fields, 2);
  if (fields % 2 !== 0) throw new InvalidArgumentError('fields', `must be even, got ${fields}`);
  requirePositive('extent', extent);
  const width = (2 * extent) / fields;
  // The points are rounded to float32: this margin, in fields, is wider than any rounding, so none leaves its field.
  const margin = fields * 2 ** -23;
  const within = (u: number) => margin + (1 - 2 * margin) * u;
  const logInside = -Math.log((fields * fields * width * width) / 2);
  return {
    name: 'checkerboard',
    shape: [2],
    sample(key, count) {
      const draws = uniforms(key, count, 3);
      const points = new Float32Array(2 * count);
      for (let i = 0; i < count; i++) {
        const column = Math.floor(draws[3 * i]! * fields);
        // The row from one draw: its whole part picks one of the column's dark fields, the rest the height in it.
        const height = (draws[3 * i + 1]! * fields) / 2;
        const row = 2 * Math.floor(height) + (column % 2);
        points[2 * i] = -extent + width * (column + within(draws[3 * i + 2]!));
        points[2 * i + 1] = -extent + width * (row + within(height % 1));
      }
      return points;
    },
    logDensity(points) {
      return Float64Array.from({ length: points.length / 2 }, (_, i) => {
        const column = Math.floor((points[2 * i]! + extent) / width);
        const row = Math.floor((points[2 * i + 1]! + extent) / width);
        const onBoard = column >= 0 && column < fields && row >= 0 && row < fields;
        return onBoard && (column + row) % 2 === 0 ? logInside : -Infinity;
      });
    },
  };
}
