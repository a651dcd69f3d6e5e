export { arrayDataset, type ArrayDatasetOptions, subset } from './array.ts';
export { cifar10, type Cifar10Options } from './cifar10.ts';
export {
  imageFolder,
  type ImageFolder,
  type ImageFolderOptions,
  type ImagePreset,
  leftOut,
  type SkippedImage,
} from './image-folder.ts';
export { mnist, type MnistOptions } from './mnist.ts';
export { npyArray, type NpyArrayOptions } from './npy.ts';
export { isImageFolder, openDataset, type OpenDatasetOptions } from './open.ts';
export { toys } from './toys/by-name.ts';
export { checkerboard, type CheckerboardOptions } from './toys/checkerboard.ts';
export { type Toy, toyDataset, type ToyDatasetOptions } from './toys/toy.ts';
export {
  gaussianRing,
  type GaussianRingOptions,
  mixture1d,
  mixture2d,
  type MixtureComponent,
} from './toys/mixture.ts';
export { moons, type MoonsOptions } from './toys/moons.ts';
export { pinwheel, type PinwheelOptions } from './toys/pinwheel.ts';
export { rings, type RingsOptions } from './toys/rings.ts';
