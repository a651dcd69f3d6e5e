import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command, root } from './lint/workspace.ts';

/** Runs these test files as .ci/run does, and gives what .ci/totals.mjs makes of the report. */
async function totals(files: Readonly<Record<string, string>>): Promise<{ ok: boolean; output: string }> {
  const project = mkdtempSync(join(tmpdir(), 'srmcmc-totals-'));
  try {
    symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
    for (const [name, body] of Object.entries(files)) {
      writeFileSync(join(project, name), `import { expect, test } from 'vitest';\n${body}\n`);
    }
    const report = join(project, 'report.json');
    const args = ['run', '--root', project, '--reporter=json', `--outputFile=${report}`];
    const { ok } = await command('vitest', args, { cwd: project });
    return await command(process.execPath, [join(root, '.ci/totals.mjs'), report, ok ? '0' : '1']);
  } finally {
    rmSync(project, { recursive: true });
  }
}

const pass = "test('passes', () => expect(1).toBe(1));";

test('passed, failed and skipped tests are counted, and a failure fails the run', async () => {
  const mixed = `${pass} test('fails', () => expect(1).toBe(2)); test.skip('skipped', () => {});`;
  expect(await totals({ 'a.test.ts': mixed, 'b.test.ts': pass })).toEqual({
    ok: false,
    output: '2 passed, 1 failed, 1 skipped\n',
  });
});

test('a run in which all pass succeeds', async () => {
  expect(await totals({ 'a.test.ts': pass })).toEqual({ ok: true, output: '1 passed, 0 failed\n' });
});

test('a file that does not load, and an error outside any test, are failures', async () => {
  const broken = { 'a.test.ts': pass, 'b.test.ts': "import './missing.ts';" };
  expect(await totals(broken)).toEqual({ ok: false, output: '1 passed, 1 failed\n' });
  const stray = { 'a.test.ts': `${pass} Promise.reject(new Error('nobody waits'));` };
  expect(await totals(stray)).toEqual({ ok: false, output: '1 passed, 1 failed\n' });
});
