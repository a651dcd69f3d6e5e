/** Every program in examples/ runs as it stands. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command, root } from './lint/workspace.ts';

const folder = join(root, 'examples');

test.each(readdirSync(folder).filter((name) => name.endsWith('.ts')))('examples/%s runs', async (name) => {
  const args = ['--import', 'tsx', '--conditions=@srmcmc/source', join(folder, name)];
  const { ok, output } = await command(process.execPath, args, { cwd: folder });
  expect(ok, output).toBe(true);
  expect(output.trim()).not.toBe('');
});
