/**
 * Checks what a user of npm would get: builds and packs every package, lints the tarballs and their types,
 * installs them all into an empty project, imports every export, starts every command, and samples a Gaussian.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command, type CommandResult, type Member, members, pnpm, readManifest, root } from './workspace.ts';

export async function checkPublished(): Promise<CommandResult> {
  const published = members().filter(({ manifest }) => manifest.private !== true);
  const filters = published.map(({ directory }) => `--filter=./${directory}`);
  const built = await pnpm(['build', '--output-logs=errors-only', ...filters]);
  if (!built.ok) return built;
  const scratch = mkdtempSync(join(tmpdir(), 'srmcmc-published-'));
  try {
    const tarballs = join(scratch, 'tarballs');
    const packed = await pnpm(['--recursive', ...filters, 'pack', '--pack-destination', tarballs]);
    if (!packed.ok) return packed;
    const paths = readdirSync(tarballs).map((name) => join(tarballs, name));
    const results = [await installed(join(scratch, 'project'), paths, published)];
    for (const path of paths) {
      results.push(await command('publint', ['run', '--strict', path]));
      results.push(await command('attw', ['--profile', 'esm-only', '--format', 'ascii', path]));
    }
    const failed = results.filter(({ ok }) => !ok);
    return { ok: failed.length === 0, output: failed.map(({ output }) => output).join('\n') };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** An empty npm project with the tarballs in it: do all exports load, does TypeScript accept them, do they sample? */
async function installed(
  project: string,
  tarballs: readonly string[],
  published: readonly Member[],
): Promise<CommandResult> {
  mkdirSync(project);
  const write = (name: string, text: string): void => writeFileSync(join(project, name), text);
  const { typescript, '@types/node': nodeTypes } = readManifest(root).devDependencies!;
  write('package.json', JSON.stringify({ name: 'somebody', private: true, type: 'module' }));
  write('tsconfig.json', JSON.stringify(compilerSettings));
  write('sample.ts', sample);
  const specifiers = published.flatMap(({ manifest }) =>
    Object.keys(manifest.exports ?? {})
      .filter((path) => path !== './package.json')
      .map((path) => `${manifest.name}${path.slice(1)}`),
  );
  write('imports.ts', specifiers.map((specifier) => `import '${specifier}';\n`).join(''));
  const steps: readonly (readonly [program: string, args: readonly string[]])[] = [
    [
      'npm',
      // The C++ of native is compiled and tested elsewhere; here it would take longer than all the rest.
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs].concat(
        `typescript@${typescript}`,
        `@types/node@${nodeTypes}`,
        '@tensorflow/tfjs-backend-cpu@4',
      ),
    ],
    [join(project, 'node_modules/.bin/tsc'), []],
    ['node', ['imports.js']],
    ['node', ['sample.js']],
    ...published
      .flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}))
      .map((bin) => [join(project, 'node_modules/.bin', bin), ['--help']] as const),
  ];
  for (const [program, args] of steps) {
    const result = await command(program, args, { cwd: project });
    if (!result.ok) return { ok: false, output: `${program} ${args[0] ?? ''}\n${result.output}` };
  }
  return { ok: true, output: '' };
}

const compilerSettings = {
  compilerOptions: {
    module: 'NodeNext',
    target: 'ES2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    // tfjs-core's own declarations do not pass.
    skipLibCheck: true,
    types: ['node'],
  },
};

const sample = `import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { gaussian, key, langevin, shortRun } from '@srmcmc/langevin';

// N(3, 1), from N(0, 1): after 200 steps of size 0.5 the chains have forgotten where they started.
const model = shortRun({
  energy: (x) => tf.mul(-0.5, tf.sum(tf.square(tf.sub(x, 3)), 1)) as tf.Tensor1D,
  kernel: langevin({ stepSize: 0.5 }),
  steps: 200,
  initial: gaussian([1]),
});
const x = model.generate(model.prior(key(0), 2000), key(1));
const { mean, variance } = tf.moments(x);
const [m, v] = [mean.dataSync()[0]!, variance.dataSync()[0]!];
// Unadjusted Langevin with step size e keeps the mean and has variance 1 / (1 - e^2 / 4) = 1.067 here.
// Four standard errors over 2000 chains: 0.092 for the mean, 0.135 for the variance.
if (!(Math.abs(m - 3) < 0.092 && Math.abs(v - 1 / (1 - 0.25 / 4)) < 0.135)) {
  throw new Error(\`sampled N(3, 1.067) with mean \${m} and variance \${v}\`);
}
`;
