import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  backendRequests,
  describeBackend,
  hasMatrixInstructions,
  type Precision,
  selectBackend,
  type BackendRequest,
} from '../src/index.ts';

const here = fileURLToPath(new URL('..', import.meta.url));

describe('selectBackend by name', () => {
  it.each(['wasm', 'cpu'] as const)('makes %s the active backend, with nothing skipped', async (request) => {
    const choice = await selectBackend(request);
    expect(tf.getBackend()).toBe(request);
    expect(choice).toMatchObject({ name: request, skipped: [] });
    expect(tf.sum(tf.tensor1d([1, 2, 3])).dataSync()[0]).toBe(6);
  });

  it('refuses a name that it does not know', async () => {
    await expect(selectBackend('cuda' as BackendRequest)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(backendRequests.join(', ')),
    });
  });

  it('keeps the active backend when the one asked for is missing, and says what to install', async () => {
    await selectBackend('wasm');
    const nowhere = mkdtempSync(join(tmpdir(), 'srmcmc-'));
    if (tf.findBackendFactory('tensorflow') == null) {
      await expect(selectBackend('tensorflow', { tfjsNode: nowhere })).rejects.toMatchObject({
        code: 'BACKEND_UNAVAILABLE',
        message: expect.stringContaining('npm install @tensorflow/tfjs-node'),
      });
    }
    rmSync(nowhere, { recursive: true });
    expect(tf.getBackend()).toBe('wasm');
  });
});

describe('the precision', () => {
  it('is set on the native backend, and shows in its label', async (context) => {
    const { nativeStatus, currentPrecision } = await import('@srmcmc/native');
    if (!nativeStatus().available) return context.skip('the addon of @srmcmc/native is not built');
    for (const precision of ['bfloat16', 'float32'] as const) {
      const { label } = await selectBackend('native', { precision });
      expect(label).toMatch(new RegExp(`^native \\(${precision}, `));
      expect(currentPrecision()).toBe(precision);
    }
    expect((await selectBackend('native')).label).toContain(nativeStatus().fastestPrecision!);
    expect(await hasMatrixInstructions()).toBe(nativeStatus().precisions!.bfloat16 === 'amx');
    await selectBackend('native', { precision: 'float32' });
  });

  it('bfloat16 is refused on any other backend, and so is a name that is none', async () => {
    await expect(selectBackend('cpu', { precision: 'bfloat16' })).rejects.toThrow(/^precision: bfloat16 is/);
    await expect(selectBackend('cpu', { precision: 'half' as Precision })).rejects.toThrow(
      /^precision: must be/,
    );
  });
});

describe('threads', () => {
  it('are set although the addon has been asked before, and show in the label', async (context) => {
    const { nativeStatus, setThreads } = await import('@srmcmc/native');
    const { available, threads: before } = nativeStatus();
    if (!available) return context.skip('the addon of @srmcmc/native is not built');
    const wanted = before! + 1;
    expect((await selectBackend('native', { threads: wanted })).label).toContain(`, ${wanted} threads)`);
    expect(nativeStatus().threads).toBe(wanted);
    expect((await selectBackend('native', { threads: 1 })).label).toContain(', 1 thread)');
    setThreads(before!);
  });

  it.each([0, 257, 1.5])('%s are refused', async (threads) => {
    await expect(selectBackend('cpu', { threads })).rejects.toThrow(
      /^threads: must be an integer from 1 to 256/,
    );
  });
});

describe("selectBackend('auto')", () => {
  it('activates the first that runs: everything that it skipped refuses when asked for by name', async () => {
    const choice = await selectBackend('auto');
    expect(tf.getBackend()).toBe(choice.name);
    const requests: Record<string, BackendRequest> = {
      'tfjs-node': 'tensorflow',
      'tfjs-node-gpu': 'tensorflow-gpu',
    };
    for (const { name, why } of choice.skipped) {
      expect(why).not.toBe('');
      await expect(selectBackend(requests[name] ?? (name as BackendRequest))).rejects.toMatchObject({
        code: 'BACKEND_UNAVAILABLE',
      });
    }
  });
});

/** Programs of their own, in a folder of their own, so that what is installed there is known. */
describe('in an app', () => {
  let app: string;

  beforeEach(() => {
    app = realpathSync(mkdtempSync(join(tmpdir(), 'srmcmc-app-')));
    cpSync(join(here, 'src'), join(app, 'backends'), { recursive: true });
    writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
  });
  afterEach(() => rmSync(app, { recursive: true }));

  function install(...packages: string[]): void {
    for (const name of packages) {
      const link = join(app, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(realpathSync(join(here, 'node_modules', name)), link, 'dir');
    }
  }

  /** Prints what an app prints, and returns it: standard output and standard error. */
  function start(env: NodeJS.ProcessEnv = {}): { lines: string[]; noise: string } {
    writeFileSync(
      join(app, 'main.ts'),
      `import * as tf from '@tensorflow/tfjs-core';
       import { describeBackend, selectBackend } from './backends/index.ts';
       const choice = await selectBackend();
       console.log(describeBackend(choice));
       const product = tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]]));
       if (String(product.dataSync()) !== '19,22,43,50') throw new Error('wrong product');
       const segment = tf.tensor1d([0, 0, 1], 'int32');
       const sums = tf.unsortedSegmentSum(tf.tensor1d([1, 2, 3]), segment, 2);
       if (String(sums.dataSync()) !== '3,3') throw new Error('wrong sums');`,
    );
    const tsx = join(realpathSync(join(here, '..', '..', 'node_modules', 'tsx')), 'dist', 'cli.mjs');
    const errors = join(app, 'stderr.txt');
    const command = `"$0" "$1" --conditions=@srmcmc/source main.ts 2> "$2"`;
    const { SRMCMC_TFJS_NODE: _, ...inherited } = process.env;
    const output = execFileSync(
      'sh',
      ['-c', `${command} || { cat "$2" >&2; exit 1; }`, process.execPath, tsx, errors],
      {
        cwd: app,
        env: { ...inherited, NODE_OPTIONS: '', ...env },
        encoding: 'utf8',
      },
    );
    return {
      lines: output.trimEnd().split('\n'),
      noise: execFileSync('cat', [errors], { encoding: 'utf8' }),
    };
  }

  const missing = 'not native: not installed; not tfjs-node-gpu: not installed; not tfjs-node: not installed';

  it('without native and TensorFlow, auto falls back to wasm with one line of advice and no other output', () => {
    install(
      '@srmcmc/core',
      '@tensorflow/tfjs-core',
      '@tensorflow/tfjs-backend-cpu',
      '@tensorflow/tfjs-backend-wasm',
    );
    const { lines, noise } = start();
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe(`backend: wasm (SIMD, 1 thread); ${missing}`);
    expect(lines[1]).toContain('npm install @srmcmc/native');
    expect(lines[1]).toContain('C++ compiler');
    expect(noise).toBe('');
  });

  it('without wasm as well, auto falls back to cpu, just as quietly', () => {
    install('@srmcmc/core', '@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-cpu');
    const { lines, noise } = start();
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain(
      `backend: cpu (JavaScript, 1 thread); ${missing}; not wasm: @tensorflow/tfjs-backend-wasm is not installed`,
    );
    expect(lines[1]).toContain('npm install @srmcmc/native');
    expect(noise).toBe('');
  });

  it('a tfjs-node whose TensorFlow was never downloaded is passed over in so many words', () => {
    install(
      '@srmcmc/core',
      '@tensorflow/tfjs-core',
      '@tensorflow/tfjs-backend-cpu',
      '@tensorflow/tfjs-backend-wasm',
    );
    const broken = join(app, 'node_modules', '@tensorflow', 'tfjs-node');
    mkdirSync(broken);
    writeFileSync(join(broken, 'package.json'), '{ "name": "@tensorflow/tfjs-node", "main": "index.js" }');
    writeFileSync(
      join(broken, 'index.js'),
      String.raw`throw new Error('The native addon module (tfjs_binding.node) can not be found. \nPlease run ...');`,
    );
    const { lines, noise } = start();
    expect(lines[0]).toContain('not tfjs-node: installed without its TensorFlow');
    expect(lines[0]).toContain('backend: wasm');
    expect(lines).toHaveLength(2);
    expect(noise).toBe('');
  });
});

describe('describeBackend', () => {
  it('is one line for a fast backend', () => {
    const skipped = [{ name: 'native', why: 'not installed' }];
    expect(describeBackend({ name: 'tensorflow', label: 'tfjs-node 4.22.0', skipped })).toBe(
      'backend: tfjs-node 4.22.0; not native: not installed',
    );
  });
});
