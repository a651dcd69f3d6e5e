import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkManifests } from './manifests.ts';
import type { Manifest } from './workspace.ts';

const good: Manifest = {
  name: '@srmcmc/gibbs',
  version: '0.1.0',
  description: 'Gibbs sampling as a transition kernel',
  license: 'MIT',
  type: 'module',
  sideEffects: false,
  engines: { node: '>=20' },
  exports: {
    '.': { '@srmcmc/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
  },
  files: ['dist', 'src'],
  dependencies: { '@srmcmc/core': 'workspace:^' },
  peerDependencies: { '@tensorflow/tfjs-core': 'catalog:' },
  publishConfig: { access: 'public' },
};

function problems(manifest: Manifest): string[] {
  const base = mkdtempSync(join(tmpdir(), 'srmcmc-manifests-'));
  const at = join(base, 'packages/gibbs');
  mkdirSync(join(at, 'src'), { recursive: true });
  writeFileSync(join(at, 'src/index.ts'), '');
  writeFileSync(join(at, 'README.md'), '# gibbs\n');
  writeFileSync(join(at, 'package.json'), JSON.stringify(manifest));
  try {
    return checkManifests(base);
  } finally {
    rmSync(base, { recursive: true });
  }
}

test('a complete manifest has no problem', () => {
  expect(problems(good)).toEqual([]);
});

test.each<[claim: string, change: Partial<Manifest>, problem: RegExp]>([
  ['name', { name: '@srmcmc/other' }, /name: must be @srmcmc\/gibbs/],
  ['license', { license: 'GPL-3.0' }, /license/],
  ['engines', { engines: {} }, /engines\.node/],
  ['files', { files: ['dist'] }, /files: .*src/],
  ['a hosting site', { homepage: 'https://example.org' }, /homepage/],
  ['a pinned sibling', { dependencies: { '@srmcmc/core': '^0.1.0' } }, /workspace/],
  ['tfjs-core twice', { dependencies: { '@tensorflow/tfjs-core': '^4' } }, /peer dependency/],
  ['no entry', { exports: {} }, /"\." is missing/],
  [
    'types before source',
    {
      exports: {
        '.': { types: './dist/index.d.ts', '@srmcmc/source': './src/index.ts', default: './dist/index.js' },
      },
    },
    /in this order/,
  ],
  [
    'built files of another entry',
    {
      exports: {
        '.': { '@srmcmc/source': './src/index.ts', types: './dist/x.d.ts', default: './dist/index.js' },
      },
    },
    /types: must be \.\/dist\/index\.d\.ts/,
  ],
])('%s is checked', (_claim, change, problem) => {
  expect(problems({ ...good, ...change })).toEqual([expect.stringMatching(problem)]);
});
