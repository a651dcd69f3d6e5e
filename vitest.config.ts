import { availableParallelism } from 'node:os';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const conditions = ['@srmcmc/source', 'module', 'node', 'development|production'];

/** The tests of the C++ backend need it; where no compiler has built it, they are left out, and that is said. */
function withoutNative(): string[] {
  const folder = fileURLToPath(new URL('packages/native/', import.meta.url));
  try {
    createRequire(folder)('node-gyp-build').path(folder);
    return [];
  } catch {
    console.warn('packages/native is not built (is there a C++ compiler?): its tests are skipped');
    return ['packages/native/test/**'];
  }
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@srmcmc/source', 'node', 'import'] } },
  test: {
    exclude: [...configDefaults.exclude, ...withoutNative()],
    include: ['{packages,apps}/*/test/**/*.test.ts', 'examples/test/**/*.test.ts', 'tools/**/*.test.ts'],
    pool: 'forks',
    // Backends run threads of their own, so more workers than this slow each other down.
    maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
    execArgv: ['--conditions=@srmcmc/source'],
    testTimeout: 120_000,
  },
});
