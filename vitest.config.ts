import { defineConfig } from 'vitest/config';

const conditions = ['@srmcmc/source', 'module', 'node', 'development|production'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@srmcmc/source', 'node', 'import'] } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'tools/**/*.test.ts'],
    pool: 'forks',
    execArgv: ['--conditions=@srmcmc/source'],
    testTimeout: 60_000,
  },
});
