export { flagName, numberFrom, problemOf, requireValues } from './flags.ts';
export { runProgram } from './program.ts';
