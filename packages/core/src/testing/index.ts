export { type ConformanceCase } from './conformance.ts';
export { datasetConformance } from './dataset.ts';
export { energyConformance, type EnergyConformanceOptions } from './energy.ts';
export { generatorConformance } from './generator.ts';
export { kernelConformance, type KernelConformanceOptions } from './kernel.ts';
