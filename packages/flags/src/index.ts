export { flagName, numberFrom, problemOf, requireValues } from './flags.ts';
