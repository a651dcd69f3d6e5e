/** What npm does with the packed package on a machine without a compiler. */

import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const repository = join(root, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'srmcmc-prebuild-'));
const prebuilds = join('prebuilds', `${process.platform}-${process.arch}`);
/** As prebuildify names it: the package, and the C library it is for. */
const prebuilt = `@srmcmc+native.${existsSync('/etc/alpine-release') ? 'musl' : 'glibc'}.node`;

const run = (program: string, args: readonly string[], cwd: string, env = process.env): string =>
  execFileSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** The packed package, unpacked, and with what `pnpm build` adds to it. */
const unpacked = join(scratch, 'package');

beforeAll(() => {
  const pnpm = process.env['npm_execpath'];
  const pack = ['pack', '--pack-destination', scratch];
  if (pnpm !== undefined && /pnpm\.c?js$/.test(pnpm)) run(process.execPath, [pnpm, ...pack], root);
  else run('npx', ['--yes', 'pnpm@10.34.8', ...pack], root);
  run('tar', ['xzf', onlyTarball(scratch)], scratch);
  for (const left of ['dist', 'prebuilds']) rmSync(join(unpacked, left), { recursive: true, force: true });
  const tsup = join(repository, 'node_modules/.bin/tsup');
  run(tsup, ['--no-dts', '--silent', '--out-dir', join(unpacked, 'dist')], root);
}, 120_000);
afterAll(() => rmSync(scratch, { recursive: true }));

function onlyTarball(directory: string): string {
  const [name, ...others] = readdirSync(directory).filter((file) => file.endsWith('.tgz'));
  expect(others).toEqual([]);
  return join(directory, name!);
}

interface Installation {
  readonly project: string;
  /** What the installation printed. */
  readonly output: string;
}

/** Installs the package, with `addon` as its prebuild, where the PATH has node and a shell and nothing else. */
function install(name: string, addon?: string): Installation {
  rmSync(join(unpacked, 'prebuilds'), { recursive: true, force: true });
  if (addon !== undefined) {
    mkdirSync(join(unpacked, prebuilds), { recursive: true });
    copyFileSync(addon, join(unpacked, prebuilds, prebuilt));
  }
  const project = join(scratch, name);
  const modules = join(project, 'node_modules');
  const installed = join(modules, '@srmcmc/native');
  mkdirSync(installed, { recursive: true });
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], unpacked);
  run('tar', ['xzf', onlyTarball(project), '--strip-components=1', '--directory', installed], project);
  const dependencies = { 'node-gyp': '', 'node-gyp-build': '', 'node-addon-api': '', '@tensorflow': '' };
  for (const dependency of Object.keys(dependencies))
    symlinkSync(realpathSync(join(root, 'node_modules', dependency)), join(modules, dependency));
  writeFileSync(join(project, 'package.json'), '{ "name": "somebody", "private": true, "type": "module" }');

  const path = join(project, 'path');
  mkdirSync(path);
  symlinkSync(process.execPath, join(path, 'node'));
  symlinkSync('/bin/sh', join(path, 'sh'));
  const npm = join(dirname(realpathSync(run('sh', ['-c', 'command -v npm'], root).trim())), 'npm-cli.js');
  // It runs the scripts that `npm install` runs, without asking a registry for the dependencies.
  const rebuild = [
    npm,
    'rebuild',
    '@srmcmc/native',
    '--foreground-scripts',
    '--offline',
    '--no-update-notifier',
  ];
  const env = { PATH: path, HOME: project };
  const output = run('sh', ['-c', '"$0" "$@" 2>&1', process.execPath, ...rebuild], project, env);
  return { project, output };
}

/** Somebody's program: which backend it gets, and whether that convolves. */
function use({ project }: Installation): object {
  writeFileSync(
    join(project, 'use.js'),
    `import * as tf from '@tensorflow/tfjs-core';
    import { nativeStatus, registerNativeBackend } from '@srmcmc/native';
    const registered = registerNativeBackend();
    await tf.setBackend(registered ? 'srmcmc-native' : 'cpu');
    const y = tf.conv2d(tf.ones([2, 8, 8, 3]), tf.ones([3, 3, 3, 32]), 1, 'valid');
    const { available, reason } = nativeStatus();
    console.log(JSON.stringify({ registered, available, reason, backend: tf.getBackend(), sum: tf.sum(y).dataSync()[0] }));`,
  );
  return JSON.parse(run(process.execPath, ['use.js'], project).trim().split('\n').at(-1)!) as object;
}

const notice = /^@srmcmc\/native was not built: install .*\. Until then the slower backends are used\.$/gm;
/** 27 products of ones for each of 2 * 6 * 6 * 32 outputs. */
const sum = 27 * 2 * 6 * 6 * 32;

describe('without a compiler on the PATH', () => {
  test('the package with a prebuild installs, builds nothing, and computes in C++', () => {
    const installation = install('prebuilt', join(root, 'build/Release/srmcmc_native.node'));
    expect(installation.output).not.toMatch(notice);
    expect(existsSync(join(installation.project, 'node_modules/@srmcmc/native/build'))).toBe(false);
    expect(use(installation)).toEqual({ registered: true, available: true, backend: 'srmcmc-native', sum });
  });

  test('the package without one installs, says what is missing in one line, and leaves the cpu backend', () => {
    const installation = install('plain');
    expect(installation.output.match(notice)).toHaveLength(1);
    expect(use(installation)).toMatchObject({ registered: false, available: false, backend: 'cpu', sum });
  });

  test('a prebuild that this system cannot load is as good as none', () => {
    const broken = join(scratch, 'broken.node');
    writeFileSync(broken, 'for another system');
    const installation = install('broken', broken);
    expect(installation.output.match(notice)).toHaveLength(1);
    expect(use(installation)).toMatchObject({ registered: false, available: false, backend: 'cpu', sum });
  });
});
