import { defineConfig } from 'tsup';

/** Every package builds the same way: ESM, types, nothing bundled that npm can install. */
export const library = (entry: string[] = ['src/index.ts']) =>
  defineConfig({ entry, format: 'esm', target: 'node20', dts: true, clean: true, sourcemap: true });
