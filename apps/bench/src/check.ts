/**
 * Whether our engines have become slower than a baseline says. Compared are fractions of the machine's measured peak,
 * so that a baseline holds on a machine with another clock.
 */
import { SrmcmcError } from '@srmcmc/core';
import { caseKey, type Results, type Row, summary } from './results.ts';
import { medianError } from './statistics.ts';

/** The baseline and the measurement have nothing that could be compared. */
export class UnlikeBaselineError extends SrmcmcError {
  constructor(message: string) {
    super('UNLIKE_BASELINE', message);
  }
}

export interface CheckedRow {
  /** `native/float32/avx2: langevin-step, 32 px, ..., 2 threads`. */
  readonly name: string;
  /** Fractions of peak. */
  readonly before: number;
  readonly now: number;
  /** What `now` may be less than `before` by, as a fraction of it. */
  readonly allowed: number;
  readonly verdict: 'regressed' | 'same' | 'faster';
}

export interface CheckResult {
  readonly rows: readonly CheckedRow[];
  /** Rows of the baseline that a machine of the same processor should have and this measurement has not. */
  readonly lost: readonly { readonly name: string; readonly why: string }[];
  /** Rows of either that have no counterpart to be compared with, and why. */
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
}

/** Standard errors of the difference of two medians that noise alone hardly ever makes. */
const SIGNIFICANT = 3;

/**
 * Compares the rows of `@srmcmc/native`. A row has regressed when its median fraction of peak is below the baseline's
 * by more than `tolerance` (a fraction of it) and by more than three standard errors of the difference.
 *
 * @param requested whether an engine was asked for in this measurement.
 * @throws UnlikeBaselineError when the samples are of another length, or no row has a counterpart.
 */
export function check(
  now: Results,
  baseline: Results,
  tolerance: number,
  requested: (engine: string) => boolean = () => true,
): CheckResult {
  if (now.sampleSeconds !== baseline.sampleSeconds) {
    throw new UnlikeBaselineError(
      `the baseline has samples of ${baseline.sampleSeconds} s, this measurement of ${now.sampleSeconds} s: ` +
        'give the same --sample-seconds (and --quick), or measure the baseline anew',
    );
  }
  const measured = ours(now);
  const cases = new Set([...measured.values()].map((row) => caseKey(row.case, row.threads)));
  const sameProcessor = now.environment.cpu === baseline.environment.cpu;
  const rows: CheckedRow[] = [];
  const lost: { name: string; why: string }[] = [];
  const skipped: { name: string; why: string }[] = [];
  for (const [name, before] of ours(baseline)) {
    const row = measured.get(name);
    if (row === undefined) {
      const isLost =
        sameProcessor && cases.has(caseKey(before.case, before.threads)) && requested(before.engine);
      if (isLost) lost.push({ name, why: reasonLeftOut(now, before) });
      else skipped.push({ name, why: 'not measured' });
      continue;
    }
    const compared = compareRows(name, before, row, tolerance);
    if (typeof compared === 'string') skipped.push({ name, why: compared });
    else rows.push(compared);
  }
  for (const name of measured.keys()) {
    if (!ours(baseline).has(name)) skipped.push({ name, why: 'not in the baseline' });
  }
  if (rows.length === 0 && lost.length === 0) {
    const first = skipped[0] === undefined ? '' : ` (${skipped[0].name}: ${skipped[0].why})`;
    throw new UnlikeBaselineError(
      `nothing in the baseline can be compared with what was measured${first}: ` +
        'give the flags that the baseline was measured with, or write it anew with --update-baseline',
    );
  }
  return { rows, lost, skipped };
}

/** What goes into a baseline: the rows that `check` looks at. */
export function baselineOf(results: Results): Results {
  return { ...results, rows: [...ours(results).values()], leftOut: [] };
}

/** Of `@srmcmc/native`, by name. Others' programs are none of our regressions. */
function ours({ rows }: Results): Map<string, Row> {
  const native = rows.filter(({ kind }) => kind === 'native');
  return new Map(native.map((row) => [`${row.engine}: ${caseKey(row.case, row.threads)}`, row]));
}

function compareRows(name: string, before: Row, now: Row, tolerance: number): CheckedRow | string {
  const [a, b] = [summary(before).fraction, summary(now).fraction];
  if (a === null || b === null) return 'without a measured peak there is no fraction of it';
  if (before.peakPrecision !== now.peakPrecision) {
    return `a fraction of the ${before.peakPrecision} peak there, of the ${now.peakPrecision} peak here`;
  }
  // Logarithms: half as fast and twice as fast are as far from equal.
  const errorBefore = medianError(a.range, before.seconds.length) / a.median;
  const errorNow = medianError(b.range, now.seconds.length) / b.median;
  const noise = SIGNIFICANT * Math.hypot(errorBefore, errorNow);
  const bound = Math.max(-Math.log(1 - tolerance), noise);
  const change = Math.log(b.median / a.median);
  const verdict = change < -bound ? 'regressed' : change > bound ? 'faster' : 'same';
  const allowed = 1 - Math.exp(-bound);
  return { name, before: a.median, now: b.median, allowed, verdict };
}

function reasonLeftOut({ leftOut }: Results, { engine }: Row): string {
  return leftOut.find((entry) => entry.engine === engine)?.why ?? 'this engine was not found';
}
