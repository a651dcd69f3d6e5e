// Runs TensorFlow.js's own operator tests, bundled with this package so that there is one engine, on one backend.
// Usage: node run-operators.mjs <backend>; prints {"passed": n, "failed": ["name: message", ...]} as its last line.
import { build } from 'esbuild';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const backend = process.argv[2];
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const require = createRequire(import.meta.url);
const core = dirname(dirname(require.resolve('@tensorflow/tfjs-core')));
const jasmineCore = dirname(require.resolve('jasmine-core/package.json'));

/** Test files of operators, gradients and optimizers. */
function testFiles() {
  const under = (directory) =>
    readdirSync(join(core, directory), { recursive: true })
      .filter((name) => name.endsWith('_test.js'))
      .map((name) => join(core, directory, name));
  return [...under('dist/ops'), ...under('dist/optimizers'), join(core, 'dist/gradients_test.js')].sort();
}

const setup = `
  import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
  import '@tensorflow/tfjs-core/dist/register_all_gradients';
  import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util';
  import { registerNativeBackend } from ${JSON.stringify(join(root, 'src/register.ts'))};
  if (!registerNativeBackend()) throw new Error('the addon is not built');
  setTestEnvs([{ name: ${JSON.stringify(backend)}, backendName: ${JSON.stringify(backend)}, isDataSync: true }]);
`;
const entry = ['setup', ...testFiles()].map((path) => `import ${JSON.stringify(path)};`).join('\n');

const directory = await mkdtemp(join(tmpdir(), 'srmcmc-operators-'));
const bundle = join(directory, 'tests.cjs');
try {
  await build({
    stdin: { contents: entry, resolveDir: root },
    outfile: bundle,
    bundle: true,
    ignoreAnnotations: true, // the tests are not listed among the side effects of tfjs-core
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    conditions: ['module'],
    alias: { 'jasmine-core': jasmineCore },
    external: [jasmineCore],
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(root, 'src/addon.ts')).href) },
    logLevel: 'error',
    plugins: [
      {
        name: 'setup',
        setup(hooks) {
          hooks.onResolve({ filter: /^setup$/ }, () => ({ path: 'setup', namespace: 'setup' }));
          hooks.onLoad({ filter: /.*/, namespace: 'setup' }, () => ({ contents: setup, resolveDir: root }));
        },
      },
    ],
  });
  const jasmine = require(jasmineCore).boot();
  Object.assign(globalThis, { jasmine });
  const env = jasmine.getEnv();
  env.configure({ random: false });
  let passed = 0;
  const failed = [];
  env.addReporter({
    specDone({ status, fullName, failedExpectations }) {
      if (status === 'passed') passed++;
      else if (status === 'failed')
        failed.push(`${fullName}: ${failedExpectations[0]?.message ?? ''}`.slice(0, 300));
    },
  });
  console.warn = () => {};
  require(bundle);
  await env.execute();
  console.log(JSON.stringify({ passed, failed }));
} finally {
  await rm(directory, { recursive: true, force: true });
}
