/** Densities in the plane side by side: truth, model and samples, each with its axes and its colour scale. */
import { colourAt } from './colour-map.ts';
import { type Axis, type Frame, LABEL_ROOM, panel, round, svg, text } from './plot.ts';
import { pixelsToPng } from './png.ts';

export interface DensityPanel {
  readonly title: string;
  /** [rows, columns], row by row from the top, so that the first value belongs to the least x₁ and the largest x₂. */
  readonly values: ArrayLike<number>;
}

export interface DensityMap {
  readonly title: string;
  readonly panels: readonly DensityPanel[];
  /** Columns and rows of every panel. */
  readonly size: readonly [columns: number, rows: number];
  readonly x: readonly [low: number, high: number];
  readonly y: readonly [low: number, high: number];
  /** One colour scale for all panels, so that they can be compared; otherwise each has its own. */
  readonly sharedScale?: boolean;
  /** What the colours stand for: `density`, `log density`. */
  readonly label?: string;
}

const SIDE = 260;
const TOP = 62;
const BAR = { gap: 14, width: 14, room: 62 } as const;
const BETWEEN = 20;
const SHADES = 128;

/** An SVG picture that holds its pixels. Values that are not finite have the colour of the least. */
export async function densityMap(map: DensityMap): Promise<string> {
  const { title, panels, size, sharedScale = false, label = 'density' } = map;
  const pitch = LABEL_ROOM.left + SIDE + BAR.gap + BAR.width + BAR.room + BETWEEN;
  const height = TOP + SIDE + LABEL_ROOM.bottom;
  const own = panels.map(({ values }) => rangeOf(values));
  const all: [number, number] = [
    Math.min(...own.map(([low]) => low)),
    Math.max(...own.map(([, high]) => high)),
  ];
  const x: Axis = { label: 'x₁', range: map.x };
  const y: Axis = { label: 'x₂', range: map.y };
  const drawn = await Promise.all(
    panels.map(async (one, i) => {
      const range = sharedScale ? all : own[i]!;
      const frame: Frame = { left: i * pitch + LABEL_ROOM.left, top: TOP, width: SIDE, height: SIDE };
      const picture = await embedded(frame, one.values, size, range);
      return [
        text(frame.left, 48, one.title, { bold: true }),
        panel(frame, { x, y }, () => picture),
        await colourBar({ ...frame, left: frame.left + SIDE + BAR.gap, width: BAR.width }, range, label),
      ].join('\n');
    }),
  );
  return svg(panels.length * pitch, height, title, [
    text(LABEL_ROOM.left, 22, title, { bold: true }),
    ...drawn,
  ]);
}

async function embedded(
  { left, top, width, height }: Frame,
  values: ArrayLike<number>,
  [columns, rows]: readonly [number, number],
  [low, high]: readonly [number, number],
): Promise<string> {
  const pixels = new Uint8Array(columns * rows * 3);
  for (let i = 0; i < columns * rows; i++) {
    const fraction = high > low ? (values[i]! - low) / (high - low) : 0;
    pixels.set(colourAt(Number.isFinite(fraction) ? fraction : 0), 3 * i);
  }
  const png = Buffer.from(await pixelsToPng(pixels, [rows, columns, 3])).toString('base64');
  return (
    `<image x="${left}" y="${top}" width="${width}" height="${height}" preserveAspectRatio="none" ` +
    `href="data:image/png;base64,${png}"/>`
  );
}

async function colourBar(frame: Frame, range: readonly [number, number], label: string): Promise<string> {
  const ramp = Array.from({ length: SHADES }, (_, i) => 1 - i / (SHADES - 1));
  const [low, high] = range;
  const { left, top, width, height } = frame;
  const at = (fraction: number): number => round(top + (1 - fraction) * height + 4.5);
  const mark = (fraction: number): string => {
    const value = low + fraction * (high - low);
    // Next to the others of the scale it is nothing.
    const shown = Math.abs(value) < 1e-3 * (high - low) ? 0 : value;
    return text(left + width + 5, at(fraction), shortNumber(shown));
  };
  return [
    await embedded(frame, ramp, [1, ramp.length], [0, 1]),
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="none" stroke="#8b94a3"/>`,
    ...[0, 0.25, 0.5, 0.75, 1].map(mark),
    text(left + width + 5, top - 10, label, { anchor: 'middle' }),
  ].join('');
}

function rangeOf(values: ArrayLike<number>): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) continue;
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  return low <= high ? [low, high] : [0, 0];
}

function shortNumber(value: number): string {
  const size = Math.abs(value);
  const shown =
    size !== 0 && (size >= 1e4 || size < 1e-2)
      ? value.toExponential(1)
      : String(Number(value.toPrecision(2)));
  return shown.replace('e+', 'e').replaceAll('-', '−');
}
