/** What the examples that draw have in common: two flags, and tables. */
import { writeFile } from 'node:fs/promises';
import { format, parse } from 'node:path';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({
  options: { full: { type: 'boolean', default: false }, out: { type: 'string' } },
});

/** `--full`: with the budget behind the numbers of the page. Otherwise a few seconds' worth. */
export const full = flags.full;

/** Writes the figure to the file that `--out` names, if it does; a second one, `beside` it, to `name-beside.svg`. */
export async function writeFigure(svg: string, beside?: string): Promise<void> {
  if (flags.out === undefined) return;
  const { dir, name, ext } = parse(flags.out);
  await writeFile(beside === undefined ? flags.out : format({ dir, name: `${name}-${beside}`, ext }), svg);
}

/** Prints rows under their headings, in columns as wide as they need. */
export function printTable(
  headings: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  const cells = [headings, headings.map(() => '---'), ...rows.map((row) => row.map(shown))];
  const widths = headings.map((_, k) => Math.max(...cells.map((row) => widthOf(row[k]!))));
  for (const row of cells) {
    const padded = row.map((cell, k) => {
      const room = widths[k]! - widthOf(cell);
      return cell === '---' ? '-'.repeat(widths[k]!) : cell + ' '.repeat(room);
    });
    console.log(`| ${padded.join(' | ')} |`);
  }
}

function shown(value: string | number): string {
  if (typeof value === 'string') return value;
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(1) : value.toPrecision(4);
}

/** Of a text on a terminal, where the hat of θ̂ takes no place. */
function widthOf(text: string): number {
  return text.replace(/\p{Mark}/gu, '').length;
}
