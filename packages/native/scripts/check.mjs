// Builds srmcmc-check from the kernels and check/, with the compiler flags of binding.gyp, and runs it.
//
//   node scripts/check.mjs [--sanitize address,undefined] [--static] [--build-only] [flags of srmcmc-check]
//   node scripts/check.mjs --sanitize address,undefined --addon
//
// The program lands in build/check*/srmcmc-check, one directory for each way of building it; an addon, instrumented the
// same, where node-gyp-build finds it in that directory. What was built and not run is printed. CXX names the compiler.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, homedir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = process.env['CXX'] || 'g++';

/** The sources and the flags of binding.gyp that this processor's architecture takes part in. */
function targets() {
  const gyp = JSON.parse(readFileSync(join(root, 'binding.gyp'), 'utf8'));
  const included = (gyp.conditions ?? [])
    .filter(([condition]) => condition.includes(`target_arch=='${process.arch}'`))
    .flatMap(([, { targets: more = [] }]) => more);
  const common = gyp.target_defaults.cflags_cc;
  return [...gyp.targets, ...included].flatMap(({ sources, cflags_cc: own = [], defines = [] }) =>
    sources.map((source) => ({
      source,
      flags: [...common, ...own, ...defines.map((define) => `-D${define}`)],
      needsNode: /#include [<"](napi|(\w+_)?arguments)\.h/.test(readFileSync(join(root, source), 'utf8')),
    })),
  );
}

/** Where the headers of node-addon-api and of this Node are. */
function nodeHeaders() {
  const addonApi = createRequire(import.meta.url)('node-addon-api').include.replaceAll('"', '');
  const prefix = dirname(dirname(process.execPath));
  const downloaded = join(homedir(), '.cache/node-gyp', process.versions.node);
  const found = [prefix, downloaded].map((directory) => join(directory, 'include/node'));
  return [addonApi, found.find((directory) => existsSync(join(directory, 'node_api.h')))].map(
    (directory) => `-I${directory}`,
  );
}

function newest(directory) {
  const times = readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
  return Math.max(...times, statSync(join(root, 'binding.gyp')).mtimeMs);
}

/** Whether code compiled with these flags can run here; on other systems than Linux, nobody says. */
function canRun(flags) {
  const features = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : 'avx512f';
  return !flags.includes('-mavx512f') || features.includes('avx512f');
}

/** Every object file of the program or the addon: what it is made from, with which flags. */
function objects(directory, sanitizer, isAddon) {
  const sources = targets().filter(({ needsNode }) => isAddon || !needsNode);
  const headers = isAddon ? [...nodeHeaders(), '-DNODE_GYP_MODULE_NAME=srmcmc_native'] : [];
  for (const each of sources) if (each.needsNode) each.flags.push(...headers);
  // The truth is not what sanitizers are to look at, and slow enough; its buffers are where they watch.
  const truth = ['-std=c++17', '-O2', '-Wall', '-Wextra', '-Icpp'];
  if (sanitizer.length > 0) truth.push('-DCHECK_ON_HEAP');
  if (!isAddon)
    for (const name of readdirSync(join(root, 'check')).filter((file) => file.endsWith('.cc')))
      sources.push({ source: `check/${name}`, flags: truth });
  const changed = { cpp: newest('cpp'), check: Math.max(newest('cpp'), newest('check')) };
  return sources.map(({ source, flags }) => {
    const object = join(directory, `${source.replaceAll('/', '-')}.o`);
    const since = changed[source.split('/')[0]];
    const current = existsSync(object) && statSync(object).mtimeMs > since;
    // Instrumenting the widest kernels takes minutes: not for nothing.
    const widest = sanitizer.length > 0 && !canRun(flags) ? ['-O1'] : sanitizer;
    const extra = flags === truth ? [] : widest;
    return { object, current, command: [...flags, ...extra, '-c', source, '-o', relative(root, object)] };
  });
}

async function compile(pending) {
  const next = pending.shift();
  if (!next) return;
  console.error(`${basename(compiler)} ${next.command.at(-3)}`);
  const child = spawn(compiler, next.command, { cwd: root, stdio: 'inherit' });
  const status = await new Promise((resolve) => child.on('close', resolve).on('error', resolve));
  if (status !== 0) {
    // The other compilers finish what they are at.
    pending.length = 0;
    process.exitCode = 1;
    return;
  }
  await compile(pending);
}

async function build({ sanitize, isStatic, isAddon }) {
  const kind = ['check', ...sanitize, ...(isStatic ? ['static'] : [])].join('-');
  const directory = join(root, 'build', kind);
  const built = join(directory, isAddon ? 'build/Release/srmcmc_native.node' : 'srmcmc-check');
  mkdirSync(dirname(built), { recursive: true });
  // The sanitizers' reports need lines and frames; their speed needs most of the optimiser.
  const instrument = [`-fsanitize=${sanitize.join(',')}`, '-O1', '-g1', '-fno-omit-frame-pointer'];
  // What the compiler warns of in code that it instruments is its own doing.
  const sanitizer = sanitize.length > 0 ? [...instrument, '-w'] : [];
  const all = objects(directory, sanitizer, isAddon);
  const pending = all.filter(({ current }) => !current);
  if (pending.length === 0 && existsSync(built)) return built;
  await Promise.all(Array.from({ length: availableParallelism() }, () => compile(pending)));
  if (process.exitCode) process.exit();
  const link = [...all.map(({ object }) => object), ...sanitizer, '-pthread', '-o', built];
  if (isStatic) link.push('-static');
  if (isAddon) link.push('-shared');
  const linked = spawnSync(compiler, link, { cwd: root, stdio: 'inherit' });
  if (linked.status !== 0) process.exit(1);
  return built;
}

function flags(args) {
  const taken = { sanitize: [], isStatic: false, isAddon: false, buildOnly: false, rest: [] };
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--sanitize') taken.sanitize = (args[++i] ?? '').split(',');
    else if (args[i] === '--static') taken.isStatic = true;
    else if (args[i] === '--addon') taken.isAddon = taken.buildOnly = true;
    else if (args[i] === '--build-only') taken.buildOnly = true;
    else if (args[i] !== '--') taken.rest.push(args[i]);
  }
  return taken;
}

const wanted = flags(process.argv.slice(2));
const built = await build(wanted);
if (wanted.buildOnly) console.log(built);
else {
  const env = { UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1', ...process.env };
  const { status, signal, error } = spawnSync(built, wanted.rest, { stdio: 'inherit', env });
  if (signal || error) console.error(`srmcmc-check ended by ${signal ?? error.message}`);
  process.exitCode = status ?? 1;
}
