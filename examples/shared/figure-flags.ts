/** The two flags of the examples that draw a figure of a page's numbers. */
import { writeFile } from 'node:fs/promises';
import { format, parse } from 'node:path';
import { commandLine } from './command-line.ts';

const { values: flags } = await commandLine(
  '[--full] [--out file.svg]\n  --full  the budget behind the numbers of the page\n  --out   draws the figure',
  { full: { type: 'boolean', default: false }, out: { type: 'string' } },
);

/** `--full`: with the budget behind the numbers of the page. Otherwise a few seconds' worth. */
export const full = flags.full;

/** Writes the figure to the file that `--out` names, if it does; a second one, `beside` it, to `name-beside.svg`. */
export async function writeFigure(svg: string, beside?: string): Promise<void> {
  if (flags.out === undefined) return;
  const { dir, name, ext } = parse(flags.out);
  await writeFile(beside === undefined ? flags.out : format({ dir, name: `${name}-${beside}`, ext }), svg);
}
