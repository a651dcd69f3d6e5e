#!/usr/bin/env node
/** The program srmcmc-bench. */
import { runProgram } from '@srmcmc/flags';
import { main } from './command.ts';

const controller = new AbortController();
// Once: a second signal ends the process at once, and its engines with it.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => controller.abort());

const { stdout, stderr } = process;
await runProgram(() => main(process.argv.slice(2), { stdout, stderr, signal: controller.signal }));
