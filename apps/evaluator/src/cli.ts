#!/usr/bin/env node
/** The program srmcmc-eval. */
import { join } from 'node:path';
import { runProgram } from '@srmcmc/flags';
import { cacheFolder } from '@srmcmc/metrics';
import { main } from './main.ts';

const controller = new AbortController();
// Once: where a second signal comes before the first is heeded, it ends the process at once.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());

const { stdout, stderr } = process;
await runProgram(() =>
  main(process.argv.slice(2), {
    stdout,
    stderr,
    signal: controller.signal,
    cacheFolder: join(cacheFolder(), 'features'),
  }),
);
