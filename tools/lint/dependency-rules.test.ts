import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { command, root } from './workspace.ts';

const workspaces: string[] = [];
afterEach(() => {
  for (const path of workspaces.splice(0)) rmSync(path, { recursive: true });
});

/** A small workspace where `extra` files join packages that keep the rules; the names of the rules it breaks. */
async function violations(extra: Readonly<Record<string, string>>): Promise<string[]> {
  const base = mkdtempSync(join(tmpdir(), 'srmcmc-rules-'));
  workspaces.push(base);
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), text);
  };
  mkdirSync(join(base, 'node_modules/@srmcmc'), { recursive: true });
  for (const path of ['core', 'langevin', 'energy', 'safetensors', 'pth'].map((name) => `packages/${name}`)) {
    const name = path.replace('packages/', '@srmcmc/');
    const exports = { '.': { '@srmcmc/source': './src/index.ts', default: './dist/index.js' } };
    write(`${path}/package.json`, JSON.stringify({ name, type: 'module', exports }));
    write(`${path}/src/index.ts`, 'export const value = 1;\n');
    symlinkSync(join(base, path), join(base, 'node_modules', name));
  }
  write('packages/langevin/src/index.ts', "export { value } from '@srmcmc/core';\n");
  write('packages/energy/test/energy.test.ts', "import '@srmcmc/langevin';\n");
  write('apps/trainer/src/cli.ts', "import '@srmcmc/langevin';\n");
  for (const [path, text] of Object.entries(extra)) write(path, text);

  const config = join(root, 'tools/lint/dependency-rules.mjs');
  const args = ['--config', config, '--output-type', 'json', 'packages', 'apps'];
  const { output } = await command('depcruise', args, { cwd: base });
  const { summary } = JSON.parse(output) as { summary: { violations: { rule: { name: string } }[] } };
  return [...new Set(summary.violations.map(({ rule }) => rule.name))].sort();
}

test('core <- packages <- apps breaks no rule, nor does a test that imports a sibling', async () => {
  expect(await violations({})).toEqual([]);
});

test('a package that imports a sibling by name is refused', async () => {
  const broken = { 'packages/energy/src/index.ts': "import '@srmcmc/langevin';\n" };
  expect(await violations(broken)).toEqual(['packages-import-only-the-foundation']);
});

test('core may import no package that imports core, type-only imports included', async () => {
  const broken = { 'packages/core/src/index.ts': "import type {} from '@srmcmc/langevin';\n" };
  expect(await violations(broken)).toEqual(['no-cycles', 'packages-import-only-the-foundation']);
});

test('safetensors imports no sibling, not even core', async () => {
  const broken = { 'packages/safetensors/src/index.ts': "import '@srmcmc/core';\n" };
  expect(await violations(broken)).toEqual(['safetensors-stands-alone']);
});

test('a package may import pth, which imports no sibling but safetensors', async () => {
  const kept = {
    'packages/energy/src/index.ts': "import '@srmcmc/pth';\n",
    'packages/pth/src/index.ts': "import '@srmcmc/safetensors';\n",
  };
  expect(await violations(kept)).toEqual([]);
  const broken = { 'packages/pth/src/index.ts': "import '@srmcmc/core';\n" };
  expect(await violations(broken)).toEqual(['pth-stands-on-safetensors']);
});

test('a relative path into another package is refused even where the package may be imported', async () => {
  const broken = { 'packages/energy/src/index.ts': "import '../../core/src/index.ts';\n" };
  expect(await violations(broken)).toEqual(['siblings-by-name']);
});

test('packages do not import apps, apps do not import apps', async () => {
  const broken = {
    'packages/energy/test/energy.test.ts': "import '../../../apps/trainer/src/cli.ts';\n",
    'apps/bench/src/cli.ts': "import '../../trainer/src/cli.ts';\n",
  };
  expect(await violations(broken)).toEqual([
    'apps-do-not-import-apps',
    'packages-do-not-import-apps',
    'siblings-by-name',
  ]);
});

test('two files that import each other are refused', async () => {
  const broken = {
    'packages/core/src/index.ts': "export * from './a.ts';\n",
    'packages/core/src/a.ts': "import './b.ts';\n",
    'packages/core/src/b.ts': "import './a.ts';\n",
  };
  expect(await violations(broken)).toEqual(['no-cycles']);
});

test('src that imports its tests, or a package that nobody declared, is refused', async () => {
  const broken = {
    'packages/core/src/index.ts': "import '../test/fixture.ts';\nimport 'not-installed';\n",
    'packages/core/test/fixture.ts': 'export {};\n',
  };
  expect(await violations(broken)).toEqual(['resolvable', 'src-does-not-import-tests']);
});

test('src that imports a devDependency is refused, unless it is a peer dependency too', async () => {
  const manifest = { name: '@srmcmc/energy', type: 'module', devDependencies: { a: '1', b: '1' } };
  const broken = {
    'packages/energy/package.json': JSON.stringify({ ...manifest, peerDependencies: { a: '1' } }),
    'packages/energy/node_modules/a/index.js': '',
    'packages/energy/node_modules/b/index.js': '',
    'packages/energy/src/index.ts': "import 'a';\n",
  };
  expect(await violations(broken)).toEqual([]);
  expect(await violations({ ...broken, 'packages/energy/src/index.ts': "import 'b';\n" })).toEqual([
    'src-does-not-import-dev-dependencies',
  ]);
});
