/** The scale beside a picture in colours: what each colour stands for, at round numbers. */
import { colourAt } from './colour-map.ts';
import { embedPixels } from './embedded-picture.ts';
import { formatTick, type Frame, round, text, ticks } from './plot.ts';

/** What the colours span, from the first to the last. */
export type ColourRange = readonly [low: number, high: number];

interface ColourBar {
  readonly range: ColourRange;
  readonly label: string;
  /** From the least to the largest value in the picture: an end beyond which there are values is marked ≤ or ≥. */
  readonly holds: ColourRange;
}

const SHADES = 128;
/** Two numbers nearer than this, in pixels, would overlap. */
const LEAST_DISTANCE = 15;

/** The bar in `frame`, its numbers to the right of it, its label above. */
export async function colourBar(frame: Frame, { range, label, holds }: ColourBar): Promise<string> {
  const [low, high] = range;
  const { left, top, width, height } = frame;
  const ramp = new Uint8Array(3 * SHADES);
  for (let i = 0; i < SHADES; i++) ramp.set(colourAt(1 - i / (SHADES - 1)), 3 * i);
  const place = (value: number): number => top + (high > low ? (high - value) / (high - low) : 1) * height;
  const mark = (value: number, shown: string): string => {
    const y = round(place(value));
    const tick = `<line x1="${left + width}" y1="${y}" x2="${left + width + 4}" y2="${y}" stroke="#8b94a3"/>`;
    return tick + text(left + width + 7, round(y + 4.5), shown);
  };
  const ends = [
    ...(holds[0] < low ? [{ value: low, sign: '≤ ' }] : []),
    ...(holds[1] > high ? [{ value: high, sign: '≥ ' }] : []),
  ];
  const inner = (high > low ? ticks({ range }, 'y', height) : [low]).filter((value) =>
    ends.every((end) => Math.abs(place(value) - place(end.value)) >= LEAST_DISTANCE),
  );
  return [
    await embedPixels(frame, ramp, [SHADES, 1, 3]),
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="none" stroke="#8b94a3"/>`,
    ...inner.map((value) => mark(value, formatTick(value))),
    ...ends.map(({ value, sign }) => mark(value, sign + formatTick(Number(value.toPrecision(2))))),
    text(left + width, top - 14, label, { anchor: 'middle' }),
  ].join('');
}
