/** How far a set of images is from another: features of Inception-v3, and the distances computed from features. */
export { cacheFolder } from './cache-folder.ts';
export {
  CONVOLUTIONS as INCEPTION_CONVOLUTIONS,
  type PlacedConvolution as InceptionConvolution,
} from './inception/convolutions.ts';
export {
  type DownloadOptions,
  downloadInceptionWeights,
  type PublishedWeights,
  PYTORCH_FID_WEIGHTS,
} from './inception/download.ts';
export {
  CorruptWeightsError,
  DownloadError,
  NonFiniteFeaturesError,
  WeightsHashError,
} from './inception/errors.ts';
export {
  datasetImages,
  extractFeatures,
  type ExtractOptions,
  type FeatureBatch,
  inceptionExtractor,
} from './inception/extract.ts';
export { type Inception, type InceptionOptions, inceptionV3 } from './inception/inception.ts';
export { INCEPTION_PRECISIONS, type InceptionPrecision } from './inception/precision.ts';
export type { ImageBatch, Preprocessing } from './inception/preprocessing.ts';
export {
  describeWeights,
  type InceptionFeature,
  type InceptionWeights,
  loadInceptionWeights,
} from './inception/weights.ts';
export { type Classifier, classifier, classifierAccuracy } from './classifier/classifier.ts';
export type { LearningProgress } from './classifier/training.ts';
export {
  classifierFile,
  type ClassifierTrainingOptions,
  type ClassifierWeights,
  loadClassifierWeights,
  trainClassifier,
} from './classifier/weights.ts';
export {
  entropy,
  type Grid,
  grid,
  type GridOptions,
  klDivergence,
  mass,
  normalisedDensity,
} from './density/grid.ts';
export { kernelDensity, type KernelDensity, type KernelDensityOptions } from './density/kernel-density.ts';
export { smoothedDensity, type SmoothedDensity } from './density/smoothed.ts';
export {
  ConstantFeaturesError,
  CorruptStatisticsError,
  IncomparableError,
  TooFewExamplesError,
} from './errors.ts';
export {
  collectFeatures,
  type CollectOptions,
  collectStatistics,
  type FeatureExtractor,
} from './features/extractor.ts';
export { type FeatureSet, featureSet, type FeatureSource } from './features/feature-set.ts';
export { pixelFeatures, type PixelOptions } from './features/pixels.ts';
export {
  powerSpectrumFeatures,
  type PowerSpectrum,
  type PowerSpectrumOptions,
} from './features/power-spectrum.ts';
export {
  type ImageShape,
  radialPowerSpectrum,
  type RadialPowerSpectrum,
} from './features/radial-power-spectrum.ts';
export { frechetDistance, type FrechetDistance, type FrechetOptions } from './frechet/distance.ts';
export {
  frechetDistanceInfinity,
  type FrechetInfinity,
  type FrechetInfinityOptions,
} from './frechet/infinity.ts';
export {
  type Images,
  meanSquaredError,
  peakSignalToNoiseRatio,
  type Quality,
  type QualityOptions,
  type ReconstructionQuality,
  reconstructionQuality,
  structuralSimilarity,
} from './images/quality.ts';
export {
  classifierScore,
  type ClassifierScore,
  inceptionScore,
  type InceptionScore,
  type InceptionScoreOptions,
} from './inception-score.ts';
export {
  type KernelDistance,
  type KernelDistanceOptions,
  kernelInceptionDistance,
} from './kernel-distance.ts';
export type { DistanceOptions, Rows } from './linear-algebra/distances.ts';
export {
  type ComputedWith,
  type Difference,
  difference,
  type Interval,
  type Measurement,
  requireComparable,
} from './measurement.ts';
export { type MomentGap, type MomentGapOptions, type MomentGaps, momentGaps } from './moment-gaps.ts';
export { nearestNeighbours, type NearestOptions, type Neighbours } from './neighbours/nearest.ts';
export {
  precisionRecall,
  type PrecisionRecall,
  type PrecisionRecallOptions,
} from './neighbours/precision-recall.ts';
export {
  bootstrap,
  type BootstrapOptions,
  jackknife,
  type JackknifeOptions,
  type Measure,
  type WithErrors,
} from './resampling.ts';
export { type FileDefaults, loadStatistics, saveStatistics } from './statistics/file.ts';
export { type NpyArray, readNpz } from './statistics/npz.ts';
export { type FeatureStatistics, RunningStatistics, statisticsOf } from './statistics/running.ts';
