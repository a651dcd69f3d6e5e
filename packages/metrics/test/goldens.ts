/** Arrays and numbers that tools/goldens/metrics-statistics/make.py wrote. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type NpyArray, readNpy, readZip } from '../src/statistics/npz.ts';

export const goldenPath = (name: string): string =>
  fileURLToPath(new URL(`goldens/${name}`, import.meta.url));

/** An array of a .npz file, by its name there. */
export function arrays(file: string): (name: string) => NpyArray & { values: Float64Array } {
  const files = readZip(readFileSync(goldenPath(file)));
  return (name) => readNpy(files.get(`${name}.npy`)!) as NpyArray & { values: Float64Array };
}

interface Statistics {
  frechet: Record<string, { exact: number; pytorchFid: number | null; trace: number }>;
  features: {
    covariance: Record<'mean' | 'diagonal' | 'row', number[]>;
    frechet: number;
    kid: Record<string, number>;
    kidSeed7: Record<string, number>;
    isc: Record<string, number>;
    iscInOrder: Record<string, number>;
    iscOneSplit: Record<string, number>;
    prdc: Record<string, Record<'precision' | 'recall' | 'density' | 'coverage', number>>;
    torchFidelityPrc: { precision: number; recall: number };
  };
  images: Record<'bytes' | 'floats', Record<'mse' | 'psnr' | 'ssim', number[]>> & {
    power: number[][];
    pixels: number[];
  };
  densities: Record<string, { line: number[]; plane: number[] }>;
  permutations: { '2020': number[][]; '4294967295': number[][]; long: number[]; choice: number[][] };
}

export const statistics = JSON.parse(readFileSync(goldenPath('statistics.json'), 'utf8')) as Statistics;
