/** Text in columns of equal width. */

/** The first column to the left, the others as `align` says: to the right unless it says 'left'. */
export function aligned(
  rows: readonly (readonly string[])[],
  align: readonly ('left' | 'right')[] = [],
): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const pad = (cell: string, column: number): string =>
    column === 0 || align[column] === 'left' ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return rows.map((row) => row.map(pad).join('   ').trimEnd()).join('\n');
}
