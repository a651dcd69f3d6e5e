import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const conditions = ['@srmcmc/source', 'module', 'node', 'development|production'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@srmcmc/source', 'node', 'import'] } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'tools/**/*.test.ts'],
    pool: 'forks',
    // Backends run threads of their own, so more workers than this slow each other down.
    maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
    execArgv: ['--conditions=@srmcmc/source'],
    testTimeout: 60_000,
  },
});
