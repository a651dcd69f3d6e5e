// Builds srmcmc-check from the kernels and check/, with the compiler flags of binding.gyp, and runs it.
//
//   node scripts/check.mjs [--sanitize address,undefined] [--static] [--build-only] [flags of srmcmc-check]
//
// The program lands in build/check*/srmcmc-check, one directory for each way of building it. CXX names the compiler.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = process.env['CXX'] || 'g++';

/** The libraries and the flags of binding.gyp that this processor's architecture takes part in. */
function targets() {
  const gyp = JSON.parse(readFileSync(join(root, 'binding.gyp'), 'utf8'));
  const included = (gyp.conditions ?? [])
    .filter(([condition]) => condition.includes(`target_arch=='${process.arch}'`))
    .flatMap(([, { targets: more = [] }]) => more);
  const common = gyp.target_defaults.cflags_cc;
  return [...gyp.targets, ...included].map(({ sources, cflags_cc: own = [] }) => ({
    sources,
    flags: [...common, ...own],
  }));
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

/** Every object file: what it is made from, with which flags. Only the files of the addon itself need Node. */
function objects(directory, sanitizer) {
  const kernels = targets().flatMap(({ sources, flags }) =>
    sources
      .filter((source) => !readFileSync(join(root, source), 'utf8').match(/#include [<"](napi|arguments)\.h/))
      .map((source) => ({ source, flags })),
  );
  const checks = readdirSync(join(root, 'check'))
    .filter((name) => name.endsWith('.cc'))
    .map((name) => ({ source: `check/${name}`, flags: ['-std=c++17', '-O2', '-Wall', '-Wextra', '-Icpp'] }));
  const changed = { cpp: newest('cpp'), check: Math.max(newest('cpp'), newest('check')) };
  return [...kernels, ...checks].map(({ source, flags }) => {
    const object = join(directory, `${source.replaceAll('/', '-')}.o`);
    const since = changed[source.split('/')[0]];
    const current = existsSync(object) && statSync(object).mtimeMs > since;
    // Instrumenting the widest kernels takes minutes: not for nothing.
    const extra = sanitizer.length > 0 && !canRun(flags) ? ['-O1'] : sanitizer;
    return { object, current, command: [...flags, ...extra, '-c', source, '-o', relative(root, object)] };
  });
}

async function compile(pending) {
  const next = pending.shift();
  if (!next) return;
  console.error(`${basename(compiler)} ${next.command.at(-3)}`);
  const child = spawn(compiler, next.command, { cwd: root, stdio: 'inherit' });
  const status = await new Promise((resolve) => child.on('close', resolve).on('error', resolve));
  if (status !== 0) process.exit(1);
  await compile(pending);
}

async function build({ sanitize, isStatic }) {
  const kind = ['check', ...sanitize, ...(isStatic ? ['static'] : [])].join('-');
  const directory = join(root, 'build', kind);
  mkdirSync(directory, { recursive: true });
  const program = join(directory, 'srmcmc-check');
  // The sanitizers' reports need lines and frames; their speed needs most of the optimiser.
  const instrument = [`-fsanitize=${sanitize.join(',')}`, '-O1', '-g1', '-fno-omit-frame-pointer'];
  // What the compiler warns of in code that it instruments is its own doing.
  const sanitizer = sanitize.length > 0 ? [...instrument, '-w'] : [];
  const all = objects(directory, sanitizer);
  const pending = all.filter(({ current }) => !current);
  if (pending.length === 0 && existsSync(program)) return program;
  await Promise.all(Array.from({ length: availableParallelism() }, () => compile(pending)));
  const link = [...all.map(({ object }) => object), ...sanitizer, ...(isStatic ? ['-static'] : []), '-pthread'];
  const linked = spawnSync(compiler, [...link, '-o', program], { cwd: root, stdio: 'inherit' });
  if (linked.status !== 0) process.exit(1);
  return program;
}

function flags(args) {
  const taken = { sanitize: [], isStatic: false, buildOnly: false, rest: [] };
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--sanitize') taken.sanitize = (args[++i] ?? '').split(',');
    else if (args[i] === '--static') taken.isStatic = true;
    else if (args[i] === '--build-only') taken.buildOnly = true;
    else if (args[i] !== '--') taken.rest.push(args[i]);
  }
  return taken;
}

const wanted = flags(process.argv.slice(2));
const program = await build(wanted);
if (wanted.buildOnly) console.log(program);
else {
  const env = { UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1', ...process.env };
  const { status, signal, error } = spawnSync(program, wanted.rest, { stdio: 'inherit', env });
  if (signal || error) console.error(`srmcmc-check ended by ${signal ?? error.message}`);
  process.exitCode = status ?? 1;
}
