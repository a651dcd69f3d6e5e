#!/usr/bin/env node
/** The program srmcmc-train. */
import { runProgram } from '@srmcmc/flags';
import { main } from './command.ts';

await runProgram(() => main(process.argv.slice(2), process));
