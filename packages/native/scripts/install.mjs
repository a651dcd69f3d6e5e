// Makes sure the addon is there: uses a prebuilt or an up-to-date build, else compiles it. Never fails an
// installation: without the addon the slower backends work.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const built = join(root, 'build', 'Release', 'srmcmc_native.node');

function newestSource() {
  const names = readdirSync(join(root, 'cpp'), { recursive: true });
  const sources = names.map((name) => join(root, 'cpp', name));
  return Math.max(...[...sources, join(root, 'binding.gyp')].map((path) => statSync(path).mtimeMs));
}

/** Whether there is a prebuilt addon that loads here: it may be for a newer C library than this system's. */
function hasPrebuilt() {
  const load = `require(${JSON.stringify(require.resolve('node-gyp-build'))})(${JSON.stringify(root)})`;
  return spawnSync(process.execPath, ['--eval', load], { stdio: 'ignore' }).status === 0;
}

function isCurrent() {
  return existsSync(built) ? statSync(built).mtimeMs >= newestSource() : hasPrebuilt();
}

// Headers that came with this Node save a download.
function nodeDirectory() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

function compile() {
  const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
  const configured = existsSync(join(root, 'build', 'Makefile'));
  const commands = configured ? [['build']] : [['configure'], ['build']];
  let log = '';
  for (const command of commands) {
    const result = spawnSync(process.execPath, [nodeGyp, ...command, '--jobs=max', ...nodeDirectory()], {
      cwd: root,
      encoding: 'utf8',
    });
    log += `${result.stdout ?? ''}${result.stderr ?? ''}`;
    if (result.status !== 0) return log || String(result.error);
  }
  return undefined;
}

/** The tools a build needs that this machine does not have. */
function missingTools() {
  const runs = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
  const tools = {
    'a C++17 compiler (GCC 9 or Clang 13 and later)': [process.env['CXX'], 'g++', 'c++', 'clang++'],
    make: ['make'],
    'Python 3': [process.env['PYTHON'], 'python3', 'python'],
  };
  const isMissing = (commands) => !commands.some((command) => command && runs(command));
  return Object.keys(tools).filter((name) => isMissing(tools[name]));
}

if (!isCurrent()) {
  let failure;
  try {
    failure = compile();
  } catch (error) {
    failure = String(error);
  }
  if (failure !== undefined) {
    if (process.env['SRMCMC_BUILD_LOG']) console.error(failure);
    const tools = missingTools();
    const advice =
      tools.length > 0
        ? `install ${tools.join(', ')} and reinstall`
        : 'its C++ did not compile (set SRMCMC_BUILD_LOG=1 and reinstall to see why)';
    console.warn(`@srmcmc/native was not built: ${advice}. Until then the slower backends are used.`);
  }
}
