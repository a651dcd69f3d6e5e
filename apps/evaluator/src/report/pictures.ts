/** The pictures of a report: samples, the reference, and the training images that are nearest to samples. */
import {
  escapeXml,
  fullestColumns,
  type GridShape,
  ImageGrid,
  lineChart,
  pixelsToPng,
  pngToWebp,
} from '@srmcmc/figures';
import { shortName } from '../words.ts';
import { median, type Memorisation } from './memorisation.ts';
import type { NearImage } from './nearest-images.ts';

export interface PicturedSet {
  readonly name: string;
  readonly caption: string;
  readonly shape: readonly number[];
  /** The first few images, bytes. */
  readonly images: Uint8Array;
}

/** Samples of each set whose neighbours are shown. */
const SHOWN = 8;
/** Closer than this, in grey levels, a sample is a copy up to rounding. */
const COPY = 1;

/** A grid of each set. */
export async function grids(sets: readonly PicturedSet[]): Promise<string> {
  const figures = await Promise.all(
    sets.map(async ({ name, caption, shape, images }) => {
      const each = split(images, shape);
      const grid = new ImageGrid(shape as GridShape, each.length, fullestColumns(each.length));
      for (const [i, image] of each.entries()) grid.place(i, image);
      const webp = Buffer.from(await pngToWebp(await grid.png())).toString('base64');
      return (
        `<figure><img alt="images of ${escapeXml(name)}" src="data:image/webp;base64,${webp}">` +
        `<figcaption>${escapeXml(shortName(name))}: ${escapeXml(caption)}</figcaption></figure>`
      );
    }),
  );
  return figures.length === 0 ? '' : `<div class="grids">${figures.join('\n')}</div>`;
}

/** Nearest training images of samples, and how far they are, beside how far training images are from each other. */
export async function neighbours(sets: readonly PicturedSet[], found: Memorisation): Promise<string> {
  const parts = await Promise.all(
    sets.map(async ({ shape, images }, i) => {
      const nearest = found.ofSamples[i]!;
      const rows = await Promise.all(
        split(images, shape)
          .slice(0, SHOWN)
          .map((sample, j) => neighbourRow(sample, nearest[j]!, shape)),
      );
      return `<h3>${escapeXml(labelOf(sets, i, true))}</h3>${summary(nearest, found)}<div class="neighbours">${rows.join('\n')}</div>`;
    }),
  );
  const about =
    `<div><p>Each sample is followed by the images of ${escapeXml(found.name)} that are nearest to it in their pixels, ` +
    `of all ${found.count}, with the root mean square of the difference in grey levels of 255.</p>` +
    '<p>The curves tell which share of the samples has a training image nearer than that, and the same of training ' +
    'images and other training images. A generator that copies has a curve far to the left of theirs; smooth or blurred ' +
    'samples, too, are nearer to images than these are to each other.</p></div>';
  return `<div class="beside">${about}${distanceChart(sets, found)}</div>${parts.join('\n')}`;
}

function summary(nearest: readonly (readonly NearImage[])[], { ofTraining }: Memorisation): string {
  const distances = nearest.map(([first]) => first!.distance);
  const copies = distances.filter((distance) => distance < COPY).length;
  const baseline =
    ofTraining.length === 0 ? '' : `; of training images to the next, ${median(ofTraining).toFixed(1)}`;
  return (
    `<p>Of ${distances.length} samples ${copies === 0 ? 'none is' : copies === 1 ? 'one is' : `${copies} are`} a copy ` +
    `(nearer than ${COPY} grey level). Median distance to the nearest: ${median(distances).toFixed(1)}${baseline}.</p>`
  );
}

async function neighbourRow(
  sample: Uint8Array,
  nearest: readonly NearImage[],
  shape: readonly number[],
): Promise<string> {
  const figures = await Promise.all([
    figureOf(sample, shape, 'sample', 'sample'),
    ...nearest.map(({ pixels, distance }) =>
      figureOf(pixels, shape, distance.toFixed(1), distance < COPY ? 'copy' : 'neighbour'),
    ),
  ]);
  return `<div>${figures.join('')}</div>`;
}

async function figureOf(
  pixels: Uint8Array,
  shape: readonly number[],
  caption: string,
  kind: string,
): Promise<string> {
  const png = Buffer.from(await pixelsToPng(pixels, shape as [number, number, 1 | 3])).toString('base64');
  return (
    `<figure class="${kind}"><img alt="${kind}" src="data:image/png;base64,${png}">` +
    `<figcaption>${caption}</figcaption></figure>`
  );
}

function distanceChart(sets: readonly PicturedSet[], { ofSamples, ofTraining }: Memorisation): string {
  const ofSets = sets.map((_, i) => ({
    label: labelOf(sets, i, false),
    points: distribution(ofSamples[i]!.map(([first]) => first!.distance)),
  }));
  const series = [...ofSets, { label: 'training images', points: distribution(ofTraining) }];
  return lineChart({
    title: 'Distance to the nearest training image',
    xLabel: 'root mean square difference, grey levels',
    yLabel: 'share nearer than that',
    series: series.filter(({ points }) => points.length > 1),
    width: 560,
  });
}

/** A number alone where names would not fit. */
function labelOf(sets: readonly PicturedSet[], i: number, isLong: boolean): string {
  const name = sets[i]!.name;
  if (sets.length === 1) return isLong ? name : shortName(name);
  return isLong ? `${i + 1}: ${name}` : String(i + 1);
}

function distribution(values: readonly number[]): [number, number][] {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.map((value, i) => [value, (i + 1) / sorted.length]);
}

function split(images: Uint8Array, shape: readonly number[]): Uint8Array[] {
  const stride = shape.reduce((product, size) => product * size, 1);
  return Array.from({ length: images.length / stride }, (_, i) =>
    images.subarray(i * stride, (i + 1) * stride),
  );
}
