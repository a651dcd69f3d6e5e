import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { key, normals } from '@srmcmc/core';
import { describe, expect, it } from 'vitest';
import { baselineOf, check, UnlikeBaselineError } from '../src/check.ts';
import { checkReport } from '../src/report/check-report.ts';
import { readResults } from '../src/results.ts';
import { about, results, row } from './results.ts';

const TOLERANCE = 0.05;
const NAME = 'native/float32/avx2: langevin-step, 32 px, n = 32, m = 64, K = 10, 2 threads';
const baseline = results([row({ seconds: about(0.02, 0.01) })]);
const verdicts = (now: ReturnType<typeof results>, before = baseline) =>
  check(now, before, TOLERANCE).rows.map(({ verdict }) => verdict);

describe('a row is', () => {
  it('regressed when it is 20 % slower in quiet samples, and the report names it', () => {
    const found = check(results([row({ seconds: about(0.025, 0.01) })]), baseline, TOLERANCE);
    expect(found.rows).toMatchObject([{ name: NAME, verdict: 'regressed' }]);
    expect(found.rows[0]!.before).toBeCloseTo(0.5, 2);
    expect(found.rows[0]!.now).toBeCloseTo(0.4, 2);
    expect(checkReport(found, 'baseline.json')).toContain(
      `regressed: ${NAME}: 40 % of peak, was 50 % (−20 %, noise and tolerance 5.0 %)\n`,
    );
  });

  it('the same when it is 20 % slower in samples that scatter by more', () => {
    expect(verdicts(results([row({ seconds: about(0.025, 0.6) })]))).toEqual(['same']);
  });

  it('the same when it is slower by less than the tolerance', () => {
    expect(verdicts(results([row({ seconds: about(0.0208, 0.001) })]))).toEqual(['same']);
  });

  it('the same on a machine of half the clock: twice the time, half the peak', () => {
    expect(verdicts(results([row({ seconds: about(0.04, 0.01), peak: 50 })]))).toEqual(['same']);
  });

  it('regressed at the same time on a machine of twice the clock', () => {
    expect(verdicts(results([row({ seconds: about(0.02, 0.01), peak: 200 })]))).toEqual(['regressed']);
  });

  it('faster when it is', () => {
    expect(verdicts(results([row({ seconds: about(0.015, 0.01) })]))).toEqual(['faster']);
  });
});

it('noise alone fails in less than one of a hundred comparisons', () => {
  const [trials, count] = [1000, 11];
  const draws = normals(key(5), 2 * trials, count);
  const sample = (i: number): number[] =>
    [...draws.subarray(i * count, (i + 1) * count)].map((value) => 0.02 * (1 + 0.08 * value));
  const made = Array.from(
    { length: trials },
    (_, i) =>
      check(results([row({ seconds: sample(2 * i) })]), results([row({ seconds: sample(2 * i + 1) })]), 0)
        .rows[0]!.verdict,
  );
  expect(made.filter((verdict) => verdict === 'regressed').length / trials).toBeLessThan(0.01);
  // With samples like these, 20 % is found nearly always.
  const found = Array.from(
    { length: trials },
    (_, i) =>
      check(
        results([row({ seconds: sample(2 * i).map((seconds) => 1.25 * seconds) })]),
        results([row({ seconds: sample(2 * i + 1) })]),
        0,
      ).rows[0]!.verdict,
  );
  expect(found.filter((verdict) => verdict === 'regressed').length / trials).toBeGreaterThan(0.8);
});

describe('unlike things are not compared', () => {
  it('samples of another length', () => {
    const now = results(baseline.rows, { sampleSeconds: 0.05 });
    expect(() => check(now, baseline, TOLERANCE)).toThrow(UnlikeBaselineError);
    expect(() => check(now, baseline, TOLERANCE)).toThrow('give the same --sample-seconds');
  });

  it('nothing in common', () => {
    const now = results([row({ seconds: [1, 1, 1], width: 64 })]);
    expect(() => check(now, baseline, TOLERANCE)).toThrow('nothing in the baseline can be compared');
  });

  it('fractions of another peak, or of none', () => {
    const bfloat16 = row({ seconds: [1, 1, 1], precision: 'bfloat16', width: 64, peakPrecision: 'bfloat16' });
    const before = results([...baseline.rows, bfloat16]);
    const now = results([...baseline.rows, { ...bfloat16, peakPrecision: 'float32' }]);
    expect(check(now, before, TOLERANCE).skipped).toMatchObject([
      { why: 'a fraction of the bfloat16 peak there, of the float32 peak here' },
    ]);
    const none = results([row({ seconds: [1, 1, 1], peak: null })]);
    expect(() => check(none, baseline, TOLERANCE)).toThrow('without a measured peak');
  });

  it("other people's programs, however slow they become", () => {
    const peer = row({ seconds: [1, 1, 1], engine: 'pytorch/float32', kind: 'peer' });
    const now = results([...baseline.rows, { ...peer, seconds: [9, 9, 9] }]);
    expect(check(now, results([...baseline.rows, peer]), TOLERANCE).rows).toHaveLength(1);
    expect(baselineOf(now).rows.map(({ kind }) => kind)).toEqual(['native']);
  });
});

describe('a row of the baseline that was not measured', () => {
  const loop = row({ seconds: about(0.03, 0.01), engine: 'native/float32/avx2/loop' });
  const before = results([...baseline.rows, loop]);

  it('is lost on a machine of the same processor', () => {
    const leftOut = [{ engine: loop.engine, case: null, why: 'its process ended' }];
    const { lost } = check(results(baseline.rows, { leftOut }), before, TOLERANCE);
    expect(lost).toEqual([{ name: NAME.replace('avx2', 'avx2/loop'), why: 'its process ended' }]);
  });

  it('is no loss on another processor, nor where nobody asked for it', () => {
    const elsewhere = { ...baseline.environment, cpu: 'Example 8000' };
    expect(check(results(baseline.rows, { environment: elsewhere }), before, TOLERANCE).lost).toEqual([]);
    const { lost, skipped } = check(baseline, before, TOLERANCE, (engine) => !engine.endsWith('loop'));
    expect(lost).toEqual([]);
    expect(skipped).toMatchObject([{ why: 'not measured' }]);
  });
});

it('a file whose peaks are fewer than its samples is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'srmcmc-bench-'));
  const file = join(folder, 'results.json');
  const rows = baseline.rows.map((one) => ({ ...one, peaks: [100] }));
  await writeFile(file, JSON.stringify({ ...baseline, rows }));
  await expect(readResults(file)).rejects.toThrow('rows.0.peaks: must be one for each of the seconds');
  await writeFile(file, JSON.stringify(baseline));
  expect(await readResults(file)).toEqual(baseline);
  await rm(folder, { recursive: true });
});
