/** How far a set of images is from another: features of Inception-v3, and the distances computed from features. */
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
export type { ImageBatch, Preprocessing } from './inception/preprocessing.ts';
export {
  describeWeights,
  type InceptionFeature,
  type InceptionWeights,
  loadInceptionWeights,
} from './inception/weights.ts';
