export { type Curve, mix } from './mix.ts';
export { grid, type GridOptions, path, type PathOptions, walk, type WalkOptions } from './paths.ts';
export { type PathLength, type PathLengthOptions, perceptualPathLength } from './perceptual-path-length.ts';
export { type Features, smoothness, type Smoothness } from './smoothness.ts';
