/** Axes, ticks and labels of a plot, as SVG. */

export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
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

const INK = '#222222';
const GRID = '#e4e4e4';
const MOST_TICKS = 8;
const DECADES_WITH_STEPS = 2.5;

/** A panel with its frame, grid, ticks and labels; `draw` gives the marks in between. */
export function panel(
  frame: Frame,
  axes: { readonly x: Axis; readonly y: Axis },
  draw: (projection: Projection) => string,
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
  const clip = `clip-${left}-${top}`;
  const xTicks = ticks(axes.x).map((value) => {
    const x = round(projection.x(value));
    return (
      line(x, top, x, bottom, GRID) +
      line(x, bottom, x, bottom + 5, INK) +
      text(x, bottom + 20, formatTick(value), { anchor: 'middle' })
    );
  });
  const yTicks = ticks(axes.y).map((value) => {
    const y = round(projection.y(value));
    return (
      line(left, y, right, y, GRID) +
      line(left - 5, y, left, y, INK) +
      text(left - 9, y + 4.5, formatTick(value), { anchor: 'end' })
    );
  });
  const middle = top + height / 2;
  return [
    ...xTicks,
    ...yTicks,
    `<clipPath id="${clip}"><rect x="${left}" y="${top}" width="${width}" height="${height}"/></clipPath>`,
    `<g clip-path="url(#${clip})">${draw(projection)}</g>`,
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="none" stroke="${INK}"/>`,
    text(left + width / 2, bottom + 42, axes.x.label, { anchor: 'middle' }),
    text(left - 58, middle, axes.y.label, { anchor: 'middle', rotated: true }),
  ].join('\n');
}

/** A whole picture on white. */
export function svg(width: number, height: number, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
      'font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="13">',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...content,
    '</svg>\n',
  ].join('\n');
}

export interface TextStyle {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly rotated?: boolean;
  readonly bold?: boolean;
}

export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { anchor = 'start', rotated = false, bold = false } = style;
  const turned = rotated ? ` transform="rotate(-90 ${x} ${y})"` : '';
  const weight = bold ? ' font-weight="bold"' : '';
  const escaped = content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${INK}"${weight}${turned}>${escaped}</text>`;
}

/** Pixels to a tenth, which no eye can tell from more. */
export function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}"/>`;
}

function fractionAlong({ scale, range: [low, high] }: Axis): (value: number) => number {
  const map = scale === 'log' ? Math.log : (value: number): number => value;
  return (value) => (map(value) - map(low)) / (map(high) - map(low));
}

/** Round numbers within the range: 1, 2 and 5 times a power of ten, or the powers alone where there are many. */
function ticks({ scale, range: [low, high] }: Axis): number[] {
  if (scale === 'log') {
    const mantissas = Math.log10(high / low) > DECADES_WITH_STEPS ? [1] : [1, 2, 5];
    const decades = range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)));
    return decades
      .flatMap((decade) => mantissas.map((mantissa) => mantissa * 10 ** decade))
      .filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
  }
  const magnitude = 10 ** Math.floor(Math.log10((high - low) / MOST_TICKS));
  const step = magnitude * [1, 2, 5, 10].find((factor) => (high - low) / (magnitude * factor) <= MOST_TICKS)!;
  return range(Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)).map((i) => i * step);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function formatTick(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential().replace('e+', 'e');
  return String(Number(value.toPrecision(6))).replace('-', '−');
}
