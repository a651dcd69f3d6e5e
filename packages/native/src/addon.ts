/** Loads the compiled addon, once, and says why when it cannot be. */

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export type InstructionSet = 'avx512' | 'avx2' | 'portable';

/**
 * What a network's products are made of. In bfloat16 weights, activations and the gradients between layers have 8
 * significant bits; sums, positions, noise and the results are single precision all the same.
 */
export type Precision = 'float32' | 'bfloat16';

export interface NativeStatus {
  readonly available: boolean;
  /** What the kernels in use were compiled for. */
  readonly instructionSet?: InstructionSet;
  readonly threads?: number;
  /** What networks can be computed in, and the instructions that do it. */
  readonly precisions?: Readonly<Record<Precision, string>>;
  /** In which of them networks take the least time here. */
  readonly fastestPrecision?: Precision;
  /** Why the addon is not available, in a few words. */
  readonly reason?: string;
  /** What to do to have it, as a sentence. */
  readonly remedy?: string;
}

/** The functions of cpp/binding.cc. Each checks its arguments and throws a TypeError that names the wrong one. */
export interface Addon {
  readonly instructionSet: InstructionSet;
  /** What computes in bfloat16: `amx`, `avx512bf16`, or `avx2` and `portable`, which widen the numbers. */
  readonly bfloat16: string;
  /** Whether that takes less time than single precision. */
  readonly bfloat16IsFaster: boolean;
  threads(): number;
  setThreads(count: number): void;
  peakGflops(): number;
  peakBf16Gflops(): number;
  philox4x32(c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): number[];
  /** Here and below the precision is 0 for float32, 1 for bfloat16: operands are rounded, sums are not. */
  conv2d(
    shape: Int32Array,
    x: Float32Array,
    filter: Float32Array,
    y: Float32Array,
    bias: Float32Array | null,
    activation: number,
    alpha: number,
    prelu: Float32Array | null,
    precision: number,
  ): void;
  conv2dInputGradient(
    shape: Int32Array,
    dy: Float32Array,
    filter: Float32Array,
    dx: Float32Array,
    precision: number,
  ): void;
  conv2dFilterGradient(
    shape: Int32Array,
    x: Float32Array,
    dy: Float32Array,
    dFilter: Float32Array,
    precision: number,
  ): void;
  matMul(
    shape: Int32Array,
    a: Float32Array,
    b: Float32Array,
    c: Float32Array,
    bias: Float32Array | null,
    activation: number,
    alpha: number,
    prelu: Float32Array | null,
    precision: number,
  ): void;
  unary(op: number, x: Float32Array, y: Float32Array, p0: number, p1: number): void;
  binary(op: number, shape: Int32Array, a: Float32Array, b: Float32Array, y: Float32Array, p0: number): void;
  compare(op: number, shape: Int32Array, a: Float32Array, b: Float32Array, y: Uint8Array): void;
  select(condition: Uint8Array, a: Float32Array, b: Float32Array, y: Float32Array): void;
  /** One update; the coefficients are those of cpp/kernels.h's Adam, in order. The last three arrays are written. */
  adam(
    coefficients: Float32Array,
    x: Float32Array,
    gradient: Float32Array,
    first: Float32Array,
    second: Float32Array,
    nextX: Float32Array,
    nextFirst: Float32Array,
    nextSecond: Float32Array,
  ): void;
  reduce(op: number, shape: Int32Array, x: Float32Array, y: Float32Array, scale: number): void;
  pool(average: 0 | 1, shape: Int32Array, x: Float32Array, y: Float32Array): void;
  resizeBilinear(shape: Int32Array, x: Float32Array, y: Float32Array): void;
  /** After the named arguments: the parts, one for each length. */
  concat(lengths: Int32Array, y: Float32Array, ...parts: Float32Array[]): void;
  normal(...args: RandomArguments): void;
  /** In [0, 1). */
  uniform(...args: RandomArguments): void;
  /** Results after the arguments: x, value, gradientNorm, and each snapshot. */
  shortRun(...args: ShortRunArguments): void;
  /** The same on another thread, from copies of the arguments. */
  startShortRun(...args: ShortRunArguments): Job;
  /** Results after the arguments: x, value, gradientNorm, acceptance with a test, energyError, and each snapshot. */
  shortRunHmc(...args: ShortRunHmcArguments): void;
  startShortRunHmc(...args: ShortRunHmcArguments): Job;
  /** Arrays: x, then each layer's filter and bias, then the results: value, gradient. */
  valueAndGradient(...args: ArrayArguments): void;
  /** Arrays: x, the weights of the images, each layer's filter and bias, then the results: value, and their gradients. */
  parameterGradient(...args: ArrayArguments): void;
  /** The same on another thread, from copies of the arrays, which end before the results. */
  startParameterGradient(...args: ArrayArguments): Job;
}

/** A stream's numbers [chains, event]. */
export type RandomArguments = [
  k0: number,
  k1: number,
  firstChain: number,
  step: number,
  chains: number,
  event: number,
  y: Float32Array,
];

/**
 * The shape is the number of images, height, width, channels, then kernel, stride, padding and output channels of each
 * layer; the activation is a number of cpp/kernels.h's enum; the precision 0 for float32, 1 for bfloat16.
 */
export type NetworkArguments = [shape: Int32Array, activation: number, slope: number, precision: number];

export type ArrayArguments = [...NetworkArguments, ...arrays: Float32Array[]];

/** Arrays: x, then each layer's filter and bias. */
export type ShortRunArguments = [
  ...NetworkArguments,
  clampGradient: number,
  low: number,
  high: number,
  k0: number,
  k1: number,
  firstChain: number,
  drift: Float32Array,
  noise: Float32Array,
  snapshots: Int32Array,
  ...arrays: Float32Array[],
];

/** Arrays: x, then each layer's filter and bias. `draws` is 0 where the noise is off. */
export type ShortRunHmcArguments = [
  ...NetworkArguments,
  leapfrogSteps: number,
  metropolis: 0 | 1,
  draws: 0 | 1,
  temperature: number,
  jitter: number,
  persistence: number,
  k0: number,
  k1: number,
  firstChain: number,
  stepSize: Float32Array,
  massRoots: Float32Array | null,
  snapshots: Int32Array,
  ...arrays: Float32Array[],
];

/** What goes on on another thread. */
export interface Job {
  /** The results, which nobody else holds. Rejects with an error whose code is 'CANCELLED' after `cancel`. */
  readonly promise: Promise<Float32Array[]>;
  /** Of a short run: the gradients computed so far, summed over the chains. Of a parameter gradient: the images. */
  done(): number;
  /** Ends it soon: within a step. */
  cancel(): void;
}

type Loaded = { readonly addon: Addon } | { readonly reason: string };

const REMEDY =
  'install a C++17 compiler, make and Python 3 (Debian and Ubuntu: apt install g++ make python3), then install ' +
  'this package again (in its repository: pnpm install)';

let loaded: Loaded | undefined;

/** The addon, or the reason why there is none. */
export function loadAddon(): Loaded {
  loaded ??= load();
  return loaded;
}

function load(): Loaded {
  const packageRoot = fileURLToPath(new URL('..', import.meta.url));
  const require = createRequire(import.meta.url);
  try {
    const open = require('node-gyp-build') as (directory: string) => Addon;
    const addon = open(packageRoot);
    heedEnvironment(addon);
    return { addon };
  } catch (error) {
    const cause = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    return { reason: cause.startsWith('No native build') ? 'not built' : cause };
  }
}

/** What `setThreads` and SRMCMC_THREADS take at most. */
export const MOST_THREADS = 256;

/** Says what the environment asks for in vain: a comparison of instruction sets must not measure one twice. */
function heedEnvironment(addon: Addon): void {
  const { SRMCMC_ISA: wanted, SRMCMC_THREADS: threads } = process.env;
  const used = `${addon.instructionSet} and, for bfloat16, ${addon.bfloat16}`;
  if (wanted && wanted !== addon.instructionSet && wanted !== addon.bfloat16) {
    process.emitWarning(`SRMCMC_ISA=${wanted} is none that this processor has: ${used} are used`);
  }
  const count = Number(threads);
  if (threads && !(Number.isInteger(count) && count >= 1 && count <= MOST_THREADS)) {
    const range = `a number of threads from 1 to ${MOST_THREADS}`;
    process.emitWarning(`SRMCMC_THREADS=${threads} is not ${range}: ${addon.threads()} are used`);
  }
}

/** Whether the addon can be used, and how. Loads it when that was not yet tried. */
export function nativeStatus(): NativeStatus {
  const result = loadAddon();
  return 'addon' in result
    ? {
        available: true,
        instructionSet: result.addon.instructionSet,
        threads: result.addon.threads(),
        precisions: { float32: result.addon.instructionSet, bfloat16: result.addon.bfloat16 },
        fastestPrecision: result.addon.bfloat16IsFaster ? 'bfloat16' : 'float32',
      }
    : { available: false, reason: result.reason, remedy: REMEDY };
}

/**
 * Sets the number of threads, 1 to 256, that kernels use from now on. The start value is SRMCMC_THREADS or the
 * number of hardware threads. Results do not depend on it. Does nothing without the addon.
 *
 * @throws TypeError for anything but an integer in that range.
 */
export function setThreads(count: number): void {
  const result = loadAddon();
  if ('addon' in result) result.addon.setThreads(count);
}

/** Billions of operations a second that all threads together can do, by what does them. */
export interface PeakGflops {
  /** Fused multiply-adds of single precision, in registers, by the instruction set in use. */
  readonly float32: number;
  /** Products of bfloat16 tiles in the first-level cache, where the processor has instructions for them. */
  readonly bfloat16?: number;
}

/**
 * Measures the processor, in a few tenths of a second: what a computation is to be held against.
 *
 * @throws Error without the addon.
 */
export function peakGflops(): PeakGflops {
  const result = loadAddon();
  if (!('addon' in result)) throw new Error(`the peak cannot be measured: ${result.reason}`);
  const { addon } = result;
  const float32 = addon.peakGflops();
  const hasInstructions = addon.bfloat16 === 'amx' || addon.bfloat16 === 'avx512bf16';
  return hasInstructions ? { float32, bfloat16: addon.peakBf16Gflops() } : { float32 };
}

let precision: Precision = 'float32';
let convolutionPrecision: Precision = 'float32';

/**
 * Sets what short runs and a network's gradients, in x and in the weights, are computed in from now on, where their
 * kernel is not told; 'float32' at first. TensorFlow.js's own operations are not concerned: see
 * `setConvolutionPrecision`.
 *
 * @throws TypeError for any other name.
 */
export function setPrecision(wanted: Precision): void {
  precision = checked('setPrecision', wanted);
}

/** What `setPrecision` set. */
export function currentPrecision(): Precision {
  return precision;
}

/**
 * Sets what TensorFlow.js's convolutions, their gradients and matrix products are computed in from now on; 'float32' at
 * first. In 'bfloat16' both operands of a product are rounded to 8 significant bits, but where either side has fewer than
 * 16 channels, or a matrix product fewer terms or columns; sums are single precision. Tensors are float32 all the same.
 * Short runs and gradients in x, which are calls of their own, are not concerned: see `setPrecision`.
 *
 * @throws TypeError for any other name.
 */
export function setConvolutionPrecision(wanted: Precision): void {
  convolutionPrecision = checked('setConvolutionPrecision', wanted);
}

/** What `setConvolutionPrecision` set. */
export function currentConvolutionPrecision(): Precision {
  return convolutionPrecision;
}

function checked(setter: string, wanted: Precision): Precision {
  if (wanted === 'float32' || wanted === 'bfloat16') return wanted;
  throw new TypeError(`${setter}: the precision must be 'float32' or 'bfloat16', got '${String(wanted)}'`);
}

/** As the addon's functions take it. */
export const PRECISION_CODES: Readonly<Record<Precision, number>> = { float32: 0, bfloat16: 1 };

/** What the addon's products are to be told. */
export function productPrecision(): number {
  return PRECISION_CODES[convolutionPrecision];
}
