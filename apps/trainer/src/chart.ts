/** Line charts as inline SVG: axes with round numbers, a legend, and curves thinned to what a screen can show. */

export interface Series {
  readonly label: string;
  readonly colour: string;
  /** In order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** A logarithmic y axis, for values that are all positive. */
  readonly log?: boolean;
}

const WIDTH = 560;
const HEIGHT = 300;
const LEFT = 68;
const RIGHT = 16;
const TOP = 40;
const BOTTOM = 46;
/** Points a curve is drawn with; more are averaged in bins, their range drawn as a band. */
const BINS = 250;

/** The SVG of a chart; an empty text where there is nothing to draw. */
export function chartSvg({ title, xLabel, yLabel, series, log = false }: Chart): string {
  const curves = series
    .map((one) => ({ ...one, bins: bin(one.points) }))
    .filter(({ bins }) => bins.length > 0);
  if (curves.length === 0) return '';
  const all = curves.flatMap(({ bins }) => bins);
  const x = linearScale(
    all.map((point) => point.x),
    LEFT,
    WIDTH - RIGHT,
  );
  const transform = log ? Math.log10 : (value: number) => value;
  const y = linearScale(
    all.flatMap((point) => [transform(point.low), transform(point.high)]),
    HEIGHT - BOTTOM,
    TOP,
    0.05,
  );
  const at = (px: number, py: number): string => `${px.toFixed(1)},${py.toFixed(1)}`;
  const drawn = curves.map(({ colour, bins }) => {
    const line = bins.map((point) => at(x.place(point.x), y.place(transform(point.mean)))).join(' ');
    const upper = bins.map((point) => at(x.place(point.x), y.place(transform(point.high))));
    const lower = bins.map((point) => at(x.place(point.x), y.place(transform(point.low)))).reverse();
    const last = bins.at(-1)!;
    const shape =
      bins.length === 1
        ? `<circle cx="${x.place(last.x)}" cy="${y.place(transform(last.mean))}" r="3" fill="${colour}"/>`
        : `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="1.6" stroke-linejoin="round"/>`;
    return `<polygon points="${[...upper, ...lower].join(' ')}" fill="${colour}" opacity="0.18"/>${shape}`;
  });
  const yTicks = log
    ? logTicks(y.from, y.to)
    : y.ticks(6).map((value) => ({ value, label: formatTick(value) }));
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeXml(title)}">`,
    `<text x="${LEFT}" y="20" class="title">${escapeXml(title)}</text>`,
    ...yTicks.map(({ value, label }) => {
      const py = y.place(value).toFixed(1);
      return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py}" y2="${py}" class="grid"/><text x="${LEFT - 8}" y="${py}" dy="0.32em" text-anchor="end">${label}</text>`;
    }),
    ...x.ticks(6).map((value) => {
      const px = x.place(value).toFixed(1);
      return `<line x1="${px}" x2="${px}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM + 5}" class="axis"/><text x="${px}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${formatTick(value)}</text>`;
    }),
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM}" class="axis"/>`,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle" class="label">${escapeXml(xLabel)}</text>`,
    `<text transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle" class="label">${escapeXml(yLabel)}</text>`,
    ...drawn,
    ...(curves.length > 1 ? legend(curves) : []),
    '</svg>',
  ].join('');
}

export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

interface Bin {
  readonly x: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

function bin(points: Series['points']): Bin[] {
  const size = Math.max(1, Math.ceil(points.length / BINS));
  const bins: Bin[] = [];
  for (let start = 0; start < points.length; start += size) {
    const part = points.slice(start, start + size);
    const values = part.map(([, y]) => y);
    bins.push({
      x: mean(part.map(([x]) => x)),
      mean: mean(values),
      low: Math.min(...values),
      high: Math.max(...values),
    });
  }
  return bins;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** Maps the range of `values`, widened by `margin` of itself at both ends, to pixels. */
function linearScale(values: readonly number[], first: number, last: number, margin = 0) {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  // A constant gets a range of its own size about it, so that its ticks differ.
  const pad = high > low ? (high - low) * margin : Math.abs(high) * 0.5 || 1;
  const from = low - pad;
  const to = high + pad;
  return {
    from,
    to,
    place: (value: number) => first + ((value - from) / (to - from)) * (last - first),
    ticks: (count: number) => roundNumbers(from, to, count),
  };
}

/** About `count` multiples of 1, 2 or 5 times a power of ten within the range. */
function roundNumbers(from: number, to: number, count: number): number[] {
  const rough = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= rough)!;
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** Ticks of a logarithmic axis: 1, 2 and 5 times powers of ten, or powers alone where those would be too many. */
function logTicks(from: number, to: number): { value: number; label: string }[] {
  const digits = to - from > 3 ? [1] : [1, 2, 5];
  const ticks: { value: number; label: string }[] = [];
  for (let exponent = Math.floor(from); exponent <= Math.ceil(to); exponent++) {
    for (const digit of digits) {
      const value = exponent + Math.log10(digit);
      if (value >= from && value <= to) ticks.push({ value, label: formatTick(digit * 10 ** exponent) });
    }
  }
  return ticks;
}

function formatTick(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(1).replace('.0e', 'e').replace('e+', 'e');
  return String(Number(value.toPrecision(6)));
}

function legend(curves: readonly Series[]): string[] {
  let right = WIDTH - RIGHT;
  return [...curves].reverse().map(({ label, colour }) => {
    // Seven pixels a letter is what the font takes at most.
    right -= 7 * label.length;
    const entry = `<text x="${right}" y="20">${escapeXml(label)}</text><line x1="${right - 22}" x2="${right - 5}" y1="16" y2="16" stroke="${colour}" stroke-width="3"/>`;
    right -= 36;
    return entry;
  });
}
