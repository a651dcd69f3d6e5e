#!/usr/bin/env node
/**
 * Makes @tensorflow/tfjs-node (or -gpu) work where the download of its libtensorflow is blocked: the library and its
 * headers come from TensorFlow's wheel on PyPI, and the binding is compiled against them.
 *
 *     node tools/tfjs-node/build.mjs                 # tfjs-node
 *     node tools/tfjs-node/build.mjs --gpu           # tfjs-node-gpu
 *
 * Linux on x86-64. Needs npm, g++ with C++17, and Python with pip.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** The binding uses TensorFlow's C API, which 2.15 still serves as the version does that tfjs-node would download. */
const tfjsVersion = '4.22.0';
const tensorflowVersion = '2.15.0';
/** The newest version of Node's C interface that tfjs-node looks for its binding under. */
const napi = 8;

const usage = `usage: node tools/tfjs-node/build.mjs [--gpu] [--into FOLDER] [--wheel FILE] [--python PROGRAM]
  --gpu      build @tensorflow/tfjs-node-gpu
  --into     where to install, default node_modules/.cache/srmcmc-tfjs-node (SRMCMC_TFJS_NODE names another to @srmcmc/backends)
  --wheel    a TensorFlow ${tensorflowVersion} wheel that is here already; default: pip downloads it (207 MB, with --gpu more)
  --python   Python 3.9 to 3.11, default python3.11`;

const { values: flags } = parseArgs({
  options: {
    gpu: { type: 'boolean', default: false },
    into: { type: 'string', default: join('node_modules', '.cache', 'srmcmc-tfjs-node') },
    wheel: { type: 'string' },
    python: { type: 'string', default: 'python3.11' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (flags.help) {
  console.log(usage);
  process.exit(0);
}
const name = flags.gpu ? 'tfjs-node-gpu' : 'tfjs-node';
const into = resolve(flags.into);
const root = join(into, 'node_modules', '@tensorflow', name);
mkdirSync(into, { recursive: true });
const scratch = mkdtempSync(join(into, 'build-'));
try {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`builds on Linux x86-64 only; here, try: npm install @tensorflow/${name}`);
  }
  installPackage();
  unpackTensorflow(flags.wheel ? resolve(flags.wheel) : downloadWheel());
  compileBinding();
  prove();
  console.log(`@tensorflow/${name} ${tfjsVersion} on TensorFlow ${tensorflowVersion} is ready in ${into}`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** The package as npm has it, its own install step (the blocked download) left out, and Node's C headers. */
function installPackage() {
  writeFileSync(join(into, 'package.json'), '{ "private": true }\n');
  const packages = [`@tensorflow/${name}@${tfjsVersion}`, 'node-api-headers@1'];
  run('npm', [
    'install',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--loglevel=error',
    ...packages,
  ]);
}

function downloadWheel() {
  const distribution = flags.gpu ? 'tensorflow' : 'tensorflow-cpu';
  run(flags.python, [
    '-m',
    'pip',
    'download',
    '--no-deps',
    '--dest',
    scratch,
    `${distribution}==${tensorflowVersion}`,
  ]);
  const wheel = readdirSync(scratch).find((file) => file.endsWith('.whl'));
  if (!wheel) throw new Error('pip downloaded no wheel');
  return join(scratch, wheel);
}

/** The two libraries go where the binding will look for them, the headers to a temporary folder. */
function unpackTensorflow(wheel) {
  const program = `
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
wanted = ('tensorflow/include/', 'tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2')
wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if name.startswith(wanted)])`;
  run(flags.python, ['-c', program, wheel, scratch]);
  const libraries = join(root, 'deps', 'lib');
  rmSync(libraries, { recursive: true, force: true });
  mkdirSync(libraries, { recursive: true });
  for (const library of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']) {
    const unpacked = join(scratch, 'tensorflow', library);
    if (!existsSync(unpacked))
      fail(`${wheel} holds no ${library}: is it TensorFlow ${tensorflowVersion} for Linux?`);
    renameSync(unpacked, join(libraries, library));
  }
}

function compileBinding() {
  const folder = join(root, 'lib', `napi-v${napi}`);
  mkdirSync(folder, { recursive: true });
  const sources = readdirSync(join(root, 'binding')).filter((file) => file.endsWith('.cc'));
  run('g++', [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', `-DNAPI_VERSION=${napi}`],
    `-I${join(into, 'node_modules', 'node-api-headers', 'include')}`,
    `-I${join(scratch, 'tensorflow', 'include')}`,
    ...sources.map((file) => join(root, 'binding', file)),
    ...['-o', join(folder, 'tfjs_binding.node')],
    `-L${join(root, 'deps', 'lib')}`,
    ...['-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'],
    // Found relative to the binding, so the folder can be moved.
    '-Wl,-rpath,$ORIGIN/../../deps/lib',
  ]);
}

/** A build that does not multiply two matrices is no build. */
function prove() {
  const program = `
    const tf = require('@tensorflow/${name}');
    const product = tf.matMul([[1, 2], [3, 4]], [[5, 6], [7, 8]]).dataSync();
    if (tf.getBackend() !== 'tensorflow' || String(product) !== '19,22,43,50') throw new Error('wrong product: ' + product);`;
  run(process.execPath, ['-e', program]);
}

function run(program, args) {
  try {
    execFileSync(program, args, {
      cwd: into,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '1' },
    });
  } catch (error) {
    throw new Error(
      error.code === 'ENOENT' ? `${program} is not installed\n${usage}` : `${program} ${args[0]} failed`,
    );
  }
}
