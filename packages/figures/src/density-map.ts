/** Densities in the plane side by side: truth, model and samples, each with its axes and its colour scale. */
import { InvalidArgumentError } from '@srmcmc/core';
import { colourBar, type ColourRange } from './colour-bar.ts';
import { colourAt } from './colour-map.ts';
import { embedPixels } from './embedded-picture.ts';
import { type Axis, type Frame, heading, LABEL_ROOM, panel, svg } from './plot.ts';

export interface DensityPanel {
  readonly title: string;
  /** [rows, columns], row by row from the top, so that the first value belongs to the least x₁ and the largest x₂. */
  readonly values: ArrayLike<number>;
  /** What the colours span; values beyond have the colour of the end, and the scale says so. The map's unless given. */
  readonly range?: ColourRange;
  /** What the colours stand for; the map's label unless given. */
  readonly label?: string;
}

export interface DensityMap {
  readonly title: string;
  readonly panels: readonly DensityPanel[];
  /** Columns and rows of every panel. */
  readonly size: readonly [columns: number, rows: number];
  readonly x: readonly [low: number, high: number];
  readonly y: readonly [low: number, high: number];
  /** One colour scale for all panels without a range, so that they can be compared; otherwise each has its own. */
  readonly sharedScale?: boolean;
  /** What the colours stand for: `density`, `log density`. */
  readonly label?: string;
  /** Panels side by side before the next row of them; all unless given. */
  readonly panelsPerRow?: number;
}

const SIDE = 260;
/** Below the picture's title, for the titles of a row's panels. */
const TOP = 62;
const BAR = { gap: 14, width: 14, room: 62 } as const;
/** Pixels between the titles of neighbours. */
const BETWEEN_TITLES = 16;
const BETWEEN = { x: 20, y: 34 } as const;

/**
 * An SVG picture that holds its pixels. Values that are not finite have the colour of the least.
 *
 * @throws InvalidArgumentError for a panel whose values are not as many as `size` says.
 */
export async function densityMap(map: DensityMap): Promise<string> {
  const { title, panels, size, sharedScale = false, label = 'density', panelsPerRow = panels.length } = map;
  panels.forEach(({ values }, i) => {
    if (values.length === size[0] * size[1]) return;
    throw new InvalidArgumentError(
      `panels.${i}.values`,
      `must be ${size[0]} × ${size[1]}, got ${values.length}`,
    );
  });
  const pitch = {
    x: LABEL_ROOM.left + SIDE + BAR.gap + BAR.width + BAR.room + BETWEEN.x,
    y: SIDE + LABEL_ROOM.bottom + BETWEEN.y,
  };
  const columns = Math.min(panelsPerRow, panels.length);
  const rows = Math.ceil(panels.length / panelsPerRow);
  const own = panels.map(({ values }) => rangeOf(values));
  const free = own.filter((_, i) => panels[i]!.range === undefined);
  const all: ColourRange = [Math.min(...free.map(([low]) => low)), Math.max(...free.map(([, high]) => high))];
  const x: Axis = { label: 'x₁', range: map.x };
  const y: Axis = { label: 'x₂', range: map.y };
  const drawn = await Promise.all(
    panels.map(async (one, i) => {
      const range = one.range ?? (sharedScale ? all : own[i]!);
      const frame: Frame = {
        left: (i % columns) * pitch.x + LABEL_ROOM.left,
        top: TOP + Math.floor(i / columns) * pitch.y,
        width: SIDE,
        height: SIDE,
      };
      const picture = await coloured(frame, one.values, size, range);
      const bar: Frame = { ...frame, left: frame.left + SIDE + BAR.gap, width: BAR.width };
      return [
        heading(frame.left, frame.top - 14, one.title, pitch.x - BETWEEN_TITLES),
        panel(frame, { x, y }, () => picture),
        await colourBar(bar, { range, label: one.label ?? label, holds: heldBy(one.values, own[i]!) }),
      ].join('\n');
    }),
  );
  const height = TOP + rows * pitch.y - BETWEEN.y;
  return svg(columns * pitch.x, height, title, [
    heading(LABEL_ROOM.left, 22, title, columns * pitch.x - LABEL_ROOM.left),
    ...drawn,
  ]);
}

function coloured(
  frame: Frame,
  values: ArrayLike<number>,
  [columns, rows]: readonly [number, number],
  [low, high]: ColourRange,
): Promise<string> {
  const pixels = new Uint8Array(columns * rows * 3);
  for (let i = 0; i < columns * rows; i++) {
    const fraction = high > low ? (values[i]! - low) / (high - low) : 0;
    const isShown = Number.isFinite(values[i]!);
    pixels.set(colourAt(isShown ? fraction : 0), 3 * i);
  }
  return embedPixels(frame, pixels, [rows, columns, 3]);
}

/** With −∞ where a value is that: it has the colour of the least. */
function heldBy(values: ArrayLike<number>, [low, high]: ColourRange): ColourRange {
  for (let i = 0; i < values.length; i++) if (values[i] === -Infinity) return [-Infinity, high];
  return [low, high];
}

/** Of the finite values. */
function rangeOf(values: ArrayLike<number>): ColourRange {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) continue;
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  return low <= high ? [low, high] : [0, 0];
}
