import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeStatus } from '@srmcmc/native';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../src/command.ts';
import { readResults, type Results } from '../src/results.ts';

const folder = mkdtempSync(join(tmpdir(), 'srmcmc-bench-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const TINY = [
  '--nets',
  '2@32',
  '--chains',
  '2',
  '--samples',
  '3',
  '--sample-seconds',
  '0.002',
  '--steps',
  '1',
];
const ONE_ENGINE = [...TINY, '--threads', '1', '--engines', 'native/float32/portable'];
const STEPS = [...ONE_ENGINE, '--workloads', 'langevin-step'];
/** One engine alone. */
const LOOP = [...STEPS, '--engines', 'native/float32/portable/loop'];

async function run(...args: string[]) {
  const written = { stdout: '', stderr: '' };
  const code = await main(args, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    signal: new AbortController().signal,
  });
  return { code, ...written };
}

describe.skipIf(!nativeStatus().available)('srmcmc-bench', () => {
  it('measures, writes what it measured, and passes a comparison with itself', async () => {
    const files = ['--json', at('results.json'), '--svg', at('chart.svg')];
    const first = await run(...STEPS, ...files, '--check', at('baseline.json'), '--update-baseline');
    expect(first.stderr).toContain(`baseline: ${at('baseline.json')}`);
    expect(first.code).toBe(0);
    const { rows, environment } = await readResults(at('results.json'));
    expect(rows.map(({ engine }) => engine)).toEqual([
      'native/float32/portable',
      'native/float32/portable/loop',
    ]);
    for (const row of rows) {
      expect(row.seconds).toHaveLength(3);
      expect(row.peaks).toHaveLength(3);
    }
    expect(rows[1]!.relativeError).toBeLessThan(1e-4);
    expect(environment.cores).toBeGreaterThan(0);
    expect(readFileSync(at('chart.svg'), 'utf8')).toContain('langevin-step, 32 px, n = 2, m = 2, K = 1');
    expect(first.stdout).toContain('native/float32/portable/loop');

    // The same program on the same machine, held against itself made a thousand times as fast.
    const fast: Results = {
      ...(JSON.parse(readFileSync(at('baseline.json'), 'utf8')) as Results),
      rows: rows.map((row) => ({ ...row, seconds: row.seconds.map((seconds) => seconds / 1000) })),
    };
    writeFileSync(at('fast.json'), JSON.stringify(fast));
    const slower = await run(...LOOP, '--check', at('fast.json'));
    expect(slower.stdout).toContain('regressed: native/float32/portable/loop: langevin-step');
    expect(slower.stdout).toContain('1 row compared');
    expect(slower.code).toBe(1);
  });

  it.each([
    ['--json', at('no/results.json')],
    ['--svg', at('no/chart.svg')],
    ['--update-baseline', '--check', at('no/baseline.json')],
  ])('ends before it measures where the file of %s cannot be written', async (...args) => {
    expect(await run(...LOOP, ...args)).toEqual({
      code: 1,
      stdout: '',
      stderr: `error: cannot write ${args.at(-1)}: the folder does not exist\n`,
    });
  });

  it('leaves a file as it was where the other of two cannot be written', async () => {
    writeFileSync(at('kept.json'), 'before');
    const { code } = await run(...LOOP, '--json', at('kept.json'), '--svg', at('no/chart.svg'));
    expect(code).toBe(1);
    expect(readFileSync(at('kept.json'), 'utf8')).toBe('before');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('names an engine that the machine has not', async () => {
    const { code, stderr } = await run(...TINY, '--engines', 'native/float32/abacus');
    expect(stderr).toMatch(/^error: engines: there is no 'native\/float32\/abacus' on this machine/);
    expect(code).toBe(2);
  });

  it('leaves out a row that would take longer than its budget, and keeps a baseline where no other is left', async () => {
    writeFileSync(at('before.json'), 'before');
    const update = ['--check', at('before.json'), '--update-baseline'];
    const { code, stdout, stderr } = await run(...LOOP, '--budget', '0.0001', ...update);
    expect(stdout).toMatch(
      /native\/float32\/portable\/loop \(langevin-step, .*\): too slow: about \d+ s, more than 0.0001 s/,
    );
    expect(stderr).toContain('error: nothing was measured');
    expect(code).toBe(1);
    expect(readFileSync(at('before.json'), 'utf8')).toBe('before');
  });

  it('stopped half-way, prints the rows that have samples enough and writes them', async () => {
    const controller = new AbortController();
    let stdout = '';
    const code = await main(
      [...STEPS, '--samples', '100000', '--budget', '1e9', '--json', at('partial.json')],
      {
        stdout: { write: (text) => (stdout += text) },
        stderr: {
          isTTY: true,
          write: (text) => {
            // Four rounds of two engines.
            if (Number(/(\d+) of/.exec(text)?.[1]) >= 8) controller.abort();
          },
        },
        signal: controller.signal,
      },
    );
    expect(code).toBe(130);
    expect(stdout).toContain('native/float32/portable/loop');
    const { rows } = await readResults(at('partial.json'));
    for (const { seconds } of rows) expect(seconds.length).toBeGreaterThanOrEqual(3);
  });

  it('ends all its processes on Ctrl-C', async () => {
    const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
    const args = [...LOOP, '--samples', '100000', '--budget', '1e9'];
    const child = spawn(process.execPath, ['--conditions=@srmcmc/source', '--import', 'tsx', cli, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    let stderr = '';
    child.stderr.on('data', (text) => (stderr += text));
    const exit = new Promise((resolve) => child.on('close', resolve));
    await expect.poll(() => stderr, { timeout: 60_000, interval: 50 }).toContain(' samples, ');
    // To the whole group, as a terminal does.
    process.kill(-child.pid!, 'SIGINT');
    expect(await exit).toBe(130);
    expect(stderr).toContain('stopped: the rest was not measured');
    expect(() => process.kill(-child.pid!, 0)).toThrow('ESRCH');
  });
});
