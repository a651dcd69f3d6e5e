export { bfmi } from './bfmi.ts';
export type { Chains } from './chains.ts';
export { bulkEss, tailEss } from './ess.ts';
export { mcseMean, mcseQuantile, mcseSd } from './mcse.ts';
export { rHat } from './r-hat.ts';
export { record, type Recording, type RecordOptions } from './record.ts';
export { summarise, type Summary } from './summary.ts';
