/** Every program in examples/ runs as it stands, and those that draw a figure draw it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { command, root } from './lint/workspace.ts';

const folder = join(root, 'examples');
const scratch = mkdtempSync(join(tmpdir(), 'examples-'));
const programs = readdirSync(folder).filter((name) => name.endsWith('.ts'));

afterAll(() => rmSync(scratch, { recursive: true }));

test.each(programs)('examples/%s runs', async (name) => {
  const program = join(folder, name);
  const figure = readFileSync(program, 'utf8').includes('--out') ? join(scratch, `${name}.svg`) : undefined;
  const args = ['--import', 'tsx', '--conditions=@srmcmc/source', program];
  const { ok, output } = await command(
    process.execPath,
    [...args, ...(figure === undefined ? [] : ['--out', figure])],
    {
      cwd: folder,
    },
  );
  expect(ok, output).toBe(true);
  expect(output.trim()).not.toBe('');
  expect(output).not.toMatch(/NaN|Infinity|undefined/);
  if (figure === undefined) return;
  expect(existsSync(figure)).toBe(true);
  const svg = readFileSync(figure, 'utf8');
  expect(svg).toMatch(/<polyline|<image/);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
});

test('examples/README.md lists every program', () => {
  const listed = readFileSync(join(folder, 'README.md'), 'utf8');
  expect(programs.filter((name) => !listed.includes(`(${name})`))).toEqual([]);
});
