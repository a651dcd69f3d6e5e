/** What a comparison with a baseline found, in lines. */
import type { CheckResult } from '../check.ts';
import { percent } from './format.ts';

/** The rows that regressed first, by name; then how many were compared. */
export function checkReport({ rows, lost, skipped }: CheckResult, baseline: string): string {
  const regressed = rows.filter(({ verdict }) => verdict === 'regressed');
  const faster = rows.filter(({ verdict }) => verdict === 'faster');
  const change = ({ name, before, now, allowed }: CheckResult['rows'][number]): string =>
    `${name}: ${percent(now)} of peak, was ${percent(before)} (${signed(now / before - 1)}, noise and tolerance ${percent(allowed)})`;
  return [
    ...regressed.map((row) => `regressed: ${change(row)}`),
    ...lost.map(({ name, why }) => `lost: ${name}: ${why}`),
    ...faster.map((row) => `faster: ${change(row)}`),
    ...(skipped.length === 0
      ? []
      : [`not compared: ${rowCount(skipped.length)}, the first: ${skipped[0]!.name}: ${skipped[0]!.why}`]),
    `${rowCount(rows.length)} compared with ${baseline}: ${regressed.length + lost.length} regressed, ${faster.length} faster`,
    '',
  ].join('\n');
}

function rowCount(count: number): string {
  return `${count} row${count === 1 ? '' : 's'}`;
}

function signed(change: number): string {
  return `${change < 0 ? '−' : '+'}${percent(Math.abs(change))}`;
}
