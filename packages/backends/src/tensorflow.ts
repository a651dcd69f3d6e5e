/** `@tensorflow/tfjs-node` and `@tensorflow/tfjs-node-gpu`: TensorFlow's own C++ library, under one tfjs backend name. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { reasonOf, type Candidate, type Missing } from './candidate.ts';
import { completeTensorflow } from './tensorflow-kernels.ts';

type PackageName = 'tfjs-node' | 'tfjs-node-gpu';

interface NodeBackend {
  readonly isGPUPackage: boolean;
  readonly isUsingGpuDevice: boolean;
}

const backend = 'tensorflow';

export const tfjsNodeGpu: Candidate = {
  name: 'tfjs-node-gpu',
  async start({ tfjsNode }) {
    const missing = await load('tfjs-node-gpu', tfjsNode);
    if (missing) return missing;
    const { isGPUPackage, isUsingGpuDevice } = nodeBackend();
    if (!isGPUPackage) {
      return {
        why: 'tfjs-node is loaded, and one process holds one TensorFlow',
        remedy: 'ask for the GPU before anything imports @tensorflow/tfjs-node',
      };
    }
    if (!isUsingGpuDevice) {
      return {
        why: 'TensorFlow finds no GPU that it can use',
        remedy: 'TensorFlow 2.15 needs an NVIDIA GPU with its driver, CUDA 12 and cuDNN 8',
      };
    }
    await activate();
    return { backend, label: `tfjs-node-gpu ${version('tfjs-node-gpu')}` };
  },
};

export const tfjsNode: Candidate = {
  name: 'tfjs-node',
  async start({ tfjsNode: folder }) {
    // Where tfjs-node-gpu was loaded and found no GPU, it computes on the CPU as tfjs-node would.
    const missing = await load('tfjs-node', folder);
    if (missing) return missing;
    await activate();
    const { isGPUPackage, isUsingGpuDevice } = nodeBackend();
    const name = isGPUPackage ? 'tfjs-node-gpu' : 'tfjs-node';
    return { backend, label: `${name} ${version(name)}${isGPUPackage && !isUsingGpuDevice ? ' (CPU)' : ''}` };
  },
};

async function activate(): Promise<void> {
  completeTensorflow();
  await tf.setBackend(backend);
}

const versions = new Map<PackageName, string>();

function version(name: PackageName): string {
  return versions.get(name) ?? '';
}

function nodeBackend(): NodeBackend {
  return tf.engine().findBackend(backend) as unknown as NodeBackend;
}

/** Imports the package, which registers the backend, unless TensorFlow is loaded already. */
async function load(name: PackageName, folder: string | undefined): Promise<Missing | undefined> {
  if (tf.findBackendFactory(backend) != null) return undefined;
  const found = locate(name, folder);
  const build = `npm install @tensorflow/${name}; where its download of TensorFlow is blocked, build it with tools/tfjs-node/build.mjs of the srmcmc repository`;
  if (found.length === 0) {
    return { why: folder === undefined ? 'not installed' : `not in ${folder}`, remedy: build };
  }
  if (!('isNullOrUndefined' in util)) {
    return { why: 'Node 23 removed functions that it calls', remedy: 'run Node 20 or 22' };
  }
  // TensorFlow greets on stderr at level 0.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1';
  let why = '';
  for (const require of found) {
    const active = tf.getBackend();
    try {
      const module = require(`@tensorflow/${name}`) as { version: Record<string, string> };
      versions.set(name, module.version['tfjs-node'] ?? '');
      return undefined;
    } catch (thrown) {
      const reason = reasonOf(thrown);
      // What it says where its download failed is a page long.
      why ||= reason.includes('tfjs_binding.node')
        ? 'installed without its TensorFlow'
        : `it does not load: ${reason}`;
      if (active) await tf.setBackend(active);
    }
  }
  return { why, remedy: build };
}

/** `require` functions that see the package: of the folder that was named, or else of the app and of the cache. */
function locate(name: PackageName, folder = process.env['SRMCMC_TFJS_NODE']): NodeJS.Require[] {
  if (folder) return requireIn(folder, name);
  const installed = createRequire(import.meta.url);
  try {
    installed.resolve(`@tensorflow/${name}/package.json`);
    return [installed, ...cached(name)];
  } catch {
    return cached(name);
  }
}

/** Where tools/tfjs-node/build.mjs puts its build: the nearest node_modules/.cache, from the working folder up. */
function cached(name: PackageName): NodeJS.Require[] {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const found = requireIn(join(folder, 'node_modules', '.cache', 'srmcmc-tfjs-node'), name);
    if (found.length > 0 || folder === dirname(folder)) return found;
  }
}

function requireIn(folder: string, name: PackageName): NodeJS.Require[] {
  const manifest = resolve(folder, 'node_modules', '@tensorflow', name, 'package.json');
  return existsSync(manifest) ? [createRequire(manifest)] : [];
}
