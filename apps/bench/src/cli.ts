#!/usr/bin/env node
/** The program srmcmc-bench. */
import { main } from './command.ts';

const controller = new AbortController();
// Once: a second signal ends the process at once, and its engines with it.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => controller.abort());
// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const { stdout, stderr } = process;
process.exitCode = await main(process.argv.slice(2), { stdout, stderr, signal: controller.signal });
