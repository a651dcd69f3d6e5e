/** How far a set of images is from another: features of Inception-v3, and the distances computed from features. */
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
} from './inception/extract.ts';
export {
  type FeatureOrigin,
  type Inception,
  type InceptionOptions,
  inceptionV3,
} from './inception/inception.ts';
export type { ImageBatch, Preprocessing } from './inception/preprocessing.ts';
export {
  describeWeights,
  type InceptionFeature,
  type InceptionWeights,
  loadInceptionWeights,
} from './inception/weights.ts';
