/** Imported by the examples that take no arguments: one given is refused. */
import { commandLine } from './command-line.ts';

await commandLine('', {});
