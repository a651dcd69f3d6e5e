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
  const sources = readdirSync(join(root, 'cpp')).map((name) => join(root, 'cpp', name));
  return Math.max(...[...sources, join(root, 'binding.gyp')].map((path) => statSync(path).mtimeMs));
}

function isCurrent() {
  if (existsSync(built)) return statSync(built).mtimeMs >= newestSource();
  try {
    require('node-gyp-build').path(root);
    return true;
  } catch {
    return false;
  }
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

function missing(log) {
  if (/Could not find any Python|find Python/.test(log)) return 'Python 3';
  if (/not found: make|`make`|spawn make ENOENT/.test(log)) return 'make';
  if (/(g\+\+|c\+\+|cc|clang\+\+): (command )?not found|No such file or directory/.test(log))
    return 'a C++ compiler';
  return 'a C++17 compiler (GCC 9 or Clang 13 and later), make and Python 3';
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
    console.warn(
      `@srmcmc/native was not built: install ${missing(failure)} and reinstall (SRMCMC_BUILD_LOG=1 shows the ` +
        'build). Until then the slower backends are used.',
    );
  }
}
