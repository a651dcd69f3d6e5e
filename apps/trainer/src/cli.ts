#!/usr/bin/env node
/** The program srmcmc-train. */
import { main } from './command.ts';

// Progress that nobody reads any more (a closed pipe) is no reason to end a run.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
process.exitCode = await main(process.argv.slice(2), process);
