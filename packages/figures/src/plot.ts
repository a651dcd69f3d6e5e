/** The parts of a plot as SVG: axes with round numbers, labels, and the picture they stand in. */

export interface Axis {
  readonly label: string;
  /** Linear unless given. */
  readonly scale?: 'linear' | 'log';
  /** Both positive on a logarithmic axis. */
  readonly range: readonly [low: number, high: number];
}

/** Where a panel lies in the picture, in pixels, without its labels. */
export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** From values to pixels. */
export interface Projection {
  x(value: number): number;
  y(value: number): number;
}

/** Colours that people with any colour vision tell apart (Okabe and Ito 2008), in the order to use them. */
export const PALETTE = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;

const INK = '#1c2433';
const FRAME = '#8b94a3';
const GRID = '#e6e8ec';
/** Pixels that a tick and its number need along the axis, as a rule. */
const TICK_ROOM = { x: 64, y: 32 } as const;
/** Fewer numbers than these hardly say what an axis spans: then finer ones are tried. */
const ENOUGH_TICKS = 3;
/** Pixels along the axis that a number takes at least: what it is wide, or high. */
const DIGIT_WIDTH = 8.5;
const NUMBER_HEIGHT = 16;
const DECADES_WITH_STEPS = 2.5;
/** Of letters, in pixels, and how wide a bold one is as a rule. */
const TEXT_SIZE = 13;
const LEAST_SIZE = 9;
const BOLD_LETTER = 7.45;
/** Pixels from a frame to what is written beside it. */
export const LABEL_ROOM = { left: 78, bottom: 52 } as const;

/**
 * A panel with its frame, grid, ticks and labels; `draw` gives the marks in between, cut off at the frame, and `drawOver`
 * what stands on top of it, such as dots at its edge.
 */
export function panel(
  frame: Frame,
  axes: { readonly x: Axis; readonly y: Axis },
  draw: (projection: Projection) => string,
  drawOver: (projection: Projection) => string = () => '',
): string {
  const { left, top, width, height } = frame;
  const along = fractionAlong(axes.x);
  const up = fractionAlong(axes.y);
  const projection: Projection = {
    x: (value) => left + along(value) * width,
    y: (value) => top + (1 - up(value)) * height,
  };
  const right = left + width;
  const bottom = top + height;
  const clip = `clip-${left}-${top}-${width}-${height}`;
  const xTicks = ticks(axes.x, 'x', width).map((value) => {
    const x = round(projection.x(value));
    return (
      line(x, top, x, bottom, GRID) +
      line(x, bottom, x, bottom + 5, FRAME) +
      text(x, bottom + 20, formatTick(value), { anchor: 'middle' })
    );
  });
  const yTicks = ticks(axes.y, 'y', height).map((value) => {
    const y = round(projection.y(value));
    return (
      line(left, y, right, y, GRID) +
      line(left - 5, y, left, y, FRAME) +
      text(left - 9, y + 4.5, formatTick(value), { anchor: 'end' })
    );
  });
  return [
    ...xTicks,
    ...yTicks,
    `<clipPath id="${clip}"><rect x="${left}" y="${top}" width="${width}" height="${height}"/></clipPath>`,
    `<g clip-path="url(#${clip})">${draw(projection)}</g>`,
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="none" stroke="${FRAME}"/>`,
    drawOver(projection),
    text(left + width / 2, bottom + 42, axes.x.label, { anchor: 'middle' }),
    text(left - 60, top + height / 2, axes.y.label, { anchor: 'middle', rotated: true }),
  ].join('\n');
}

/** A whole picture on white. `title` is for those who cannot see it. */
export function svg(width: number, height: number, title: string, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
      `role="img" aria-label="${escapeXml(title)}" ` +
      `font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="${TEXT_SIZE}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...content,
    '</svg>\n',
  ].join('\n');
}

export interface TextStyle {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly rotated?: boolean;
  readonly bold?: boolean;
  /** Of the letters, in pixels. */
  readonly size?: number;
}

export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { anchor = 'start', rotated = false, bold = false, size = TEXT_SIZE } = style;
  const turned = rotated ? ` transform="rotate(-90 ${x} ${y})"` : '';
  const weight = bold ? ' font-weight="bold"' : '';
  const sized = size === TEXT_SIZE ? '' : ` font-size="${round(size)}"`;
  return (
    `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${INK}"${weight}${sized}${turned}>` +
    `${escapeXml(content)}</text>`
  );
}

/** A title in so many pixels: in smaller letters where it is long, and shortened where these would be too small. */
export function heading(x: number, y: number, content: string, room: number): string {
  const letters = [...content];
  const widest = (room * TEXT_SIZE) / BOLD_LETTER;
  const size = Math.max(LEAST_SIZE, Math.min(TEXT_SIZE, widest / letters.length));
  const fits = letters.length * LEAST_SIZE <= widest;
  const shown = fits ? content : `${letters.slice(0, Math.floor(widest / LEAST_SIZE) - 1).join('')}…`;
  return text(x, y, shown, { bold: true, size });
}

export interface LegendEntry {
  readonly label: string;
  readonly colour: string;
  /** Of what is filled with so much of the colour, and not drawn as a line. */
  readonly fillOpacity?: number | undefined;
}

const SWATCH_WIDTH = 22;
/** Pixels that an entry takes: its swatch, its letters and room on both sides. */
function entryWidth({ label }: LegendEntry): number {
  return SWATCH_WIDTH + 28 + 8 * lettersOf(label);
}

/** Entries in rows of at most so many pixels. */
export function legendRows(series: readonly LegendEntry[], width: number): LegendEntry[][] {
  const rows: LegendEntry[][] = [];
  let room = 0;
  for (const one of series) {
    room -= entryWidth(one);
    if (room < 0) {
      rows.push([]);
      room = width - entryWidth(one);
    }
    rows.at(-1)!.push(one);
  }
  return rows;
}

/** One entry for each series, in a row that begins at (x, y). */
export function legend(x: number, y: number, series: readonly LegendEntry[]): string {
  let at = x;
  return series
    .map((one) => {
      const { label, colour, fillOpacity } = one;
      const swatch =
        fillOpacity === undefined
          ? `<line x1="${at}" y1="${y - 4}" x2="${at + SWATCH_WIDTH}" y2="${y - 4}" stroke="${colour}" stroke-width="3"/>`
          : `<rect x="${at}" y="${y - 10}" width="${SWATCH_WIDTH}" height="12" fill="${colour}" fill-opacity="${fillOpacity}"/>`;
      const entry = swatch + text(at + SWATCH_WIDTH + 6, y, label);
      at += entryWidth(one);
      return entry;
    })
    .join('');
}

/** As many as stand side by side: an accent stands on its letter. */
function lettersOf(label: string): number {
  return label.normalize('NFD').replaceAll(/\p{Mark}/gu, '').length;
}

export function escapeXml(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Pixels to a tenth, which no eye can tell from more. */
export function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}"/>`;
}

function fractionAlong({
  scale,
  range: [low, high],
}: Pick<Axis, 'scale' | 'range'>): (value: number) => number {
  const map = scale === 'log' ? Math.log : (value: number): number => value;
  return (value) => (map(value) - map(low)) / (map(high) - map(low));
}

/**
 * Round numbers within the range of an axis so many pixels long: 1, 2 and 5 times a power of ten, or the powers alone where
 * there are many; finer ones where that leaves few. At least two, unless the range is a point.
 */
export function ticks(
  axis: Pick<Axis, 'scale' | 'range'>,
  direction: 'x' | 'y',
  length: number,
): readonly number[] {
  const linear = linearTicks(axis.range, length / TICK_ROOM[direction]);
  const choices = axis.scale === 'log' ? [...logTicks(axis.range), ...linear] : linear;
  const along = fractionAlong(axis);
  const overlap = (a: number, b: number): boolean => {
    const digits = formatTick(a).length + formatTick(b).length + 1;
    const room = direction === 'x' ? (digits * DIGIT_WIDTH) / 2 : NUMBER_HEIGHT;
    return (along(b) - along(a)) * length < room;
  };
  const isReadable = (values: readonly number[]): boolean =>
    values.every((value, i) => i === 0 || !overlap(values[i - 1]!, value));
  const enough = choices.find((values) => values.length >= ENOUGH_TICKS && isReadable(values));
  return enough ?? choices.find((values) => values.length >= 2) ?? choices.at(-1)!;
}

/** The powers of ten alone where there are many; 1, 2 and 5 times them; and more. */
function logTicks([low, high]: Axis['range']): number[][] {
  const decades = integers(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)));
  const finer = [
    [1, 2, 5],
    [1, 2, 3, 5, 7],
  ];
  const all = Math.log10(high / low) > DECADES_WITH_STEPS ? [[1], ...finer] : finer;
  return all.map((mantissas) =>
    decades
      .flatMap((decade) => mantissas.map((mantissa) => Number(`${mantissa}e${decade}`)))
      .filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)),
  );
}

/** With the finest step of which no more than `room` fit, and with the next finer one. */
function linearTicks([low, high]: Axis['range'], room: number): number[][] {
  const most = Math.max(2, Math.floor(room));
  const magnitude = 10 ** Math.floor(Math.log10((high - low) / most));
  const factors = [0.5, 1, 2, 5, 10];
  const fitting = factors.findIndex((factor) => factor >= 1 && (high - low) / (magnitude * factor) <= most);
  return [factors[fitting]!, factors[fitting - 1]!].map((factor) => {
    const step = magnitude * factor;
    return integers(Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)).map((i) => i * step);
  });
}

function integers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

export function formatTick(value: number): string {
  const size = Math.abs(value);
  const shown =
    size !== 0 && (size >= 1e6 || size < 1e-3)
      ? Number(value.toPrecision(6)).toExponential().replace('e+', 'e')
      : String(Number(value.toPrecision(6)));
  return shown.replaceAll('-', '−');
}
