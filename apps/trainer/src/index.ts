export { type Config, type ConfigField, type GivenConfig, resolveConfig, resumedConfig } from './config.ts';
export type { Measurement } from './measure.ts';
export type { IterationProgress, OnProgress, Progress } from './progress.ts';
export { writeReport } from './report.ts';
export { findRun, type RunFolder } from './run-folder.ts';
export { train, type TrainOptions, type TrainResult } from './train.ts';
