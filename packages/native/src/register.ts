/** Registers the backend: the cpu backend's kernels, the hot ones replaced by the addon's. */

import {
  findBackendFactory,
  getKernelsForBackend,
  type KernelConfig,
  type KernelFunc,
  registerBackend,
  registerKernel,
  type TensorInfo,
} from '@tensorflow/tfjs-core';

import { loadAddon } from './addon.ts';
import { NativeBackend } from './backend.ts';
import { concatKernels, splitKernels } from './kernels/concat.ts';
import { type AsyncKernel } from './kernels/job.ts';
import { convolutionKernels } from './kernels/convolution.ts';
import { elementwiseKernels } from './kernels/elementwise.ts';
import { matMulKernels } from './kernels/matmul.ts';
import type { NativeKernel } from './kernels/native-kernel.ts';
import { optimizerKernels } from './kernels/optimizer.ts';
import { poolingKernels } from './kernels/pooling.ts';
import { randomKernels } from './kernels/random.ts';
import { reductionKernels } from './kernels/reduction.ts';
import { resizeKernels } from './kernels/resize.ts';
import { sliceKernels } from './kernels/slice.ts';
import { asyncGradientKernels, gradientKernels } from './kernels/gradients.ts';
import { asyncShortRunKernels, shortRunKernels } from './kernels/short-run.ts';

export const BACKEND_NAME = 'srmcmc-native';

type AnyKernel = NativeKernel<TensorInfo | TensorInfo[]>;

/** Above cpu (1), wasm (2) and tensorflow (3), so that it is the default once it is registered. */
const PRIORITY = 4;

/**
 * Registers the TensorFlow.js backend 'srmcmc-native' and its kernels, once. The first operation after that, or
 * `tf.setBackend('srmcmc-native')`, selects it.
 *
 * Besides the standard kernels there are some that `tf.getKernel(name, tf.getBackend())` finds:
 * - `LeakyReluGrad`, inputs {dy, y}, attrs {alpha}: dy where y > 0, elsewhere alpha · dy.
 * - `PhiloxNormal`, no inputs, attrs {shape: [n, ...event], key: [k0, k1], firstChain, step}: standard normals,
 *   those of @srmcmc/core's counter-based generator.
 * - `PhiloxUniform`, the same for uniforms in [0, 1).
 * - `ShortRunLangevin`, `ShortRunHmc`, and the same with Async at the end, which @srmcmc/core's `runChains` and
 *   `runChainsAsync` use: all steps of a short run on a network; see `src/kernels/short-run.ts`.
 * - `NetworkValueAndGrad`, `NetworkParameterGrad` and `NetworkParameterGradAsync`, which @srmcmc/energy uses: a network
 *   and its gradients; see `src/kernels/gradients.ts`.
 * - `AdamUpdate`, which @srmcmc/estimators uses; see `src/kernels/optimizer.ts`.
 * - `FusedConv2DInPrecision`, which @srmcmc/metrics uses: FusedConv2D with one more attribute, {precision}, which counts
 *   in place of what `setConvolutionPrecision` set.
 *
 * @returns false when the addon cannot be loaded; `nativeStatus().reason` says why.
 */
export function registerNativeBackend(): boolean {
  const loaded = loadAddon();
  if (!('addon' in loaded)) return false;
  if (findBackendFactory(BACKEND_NAME) != null) return true;

  const native: Readonly<Record<string, AnyKernel>> = {
    ...convolutionKernels,
    ...matMulKernels,
    ...elementwiseKernels,
    ...reductionKernels,
    ...poolingKernels,
    ...resizeKernels,
    ...concatKernels,
    ...splitKernels,
    ...sliceKernels,
    ...randomKernels,
    ...shortRunKernels,
    ...gradientKernels,
    ...optimizerKernels,
  };
  const inherited = new Map(getKernelsForBackend('cpu').map((config) => [config.kernelName, config]));
  for (const [kernelName, config] of inherited) {
    const override = native[kernelName];
    const kernelFunc = override ? withFallback(override, config.kernelFunc) : config.kernelFunc;
    registerKernel({ ...config, backendName: BACKEND_NAME, kernelFunc });
  }
  for (const [kernelName, kernel] of Object.entries(native))
    if (!inherited.has(kernelName)) registerKernel(ownKernel(kernelName, kernel));
  for (const [kernelName, kernel] of Object.entries({ ...asyncShortRunKernels, ...asyncGradientKernels }))
    registerKernel(asyncKernel(kernelName, kernel));
  registerBackend(BACKEND_NAME, () => new NativeBackend(loaded.addon), PRIORITY);
  return true;
}

function withFallback(kernel: AnyKernel, fallback: KernelFunc): KernelFunc {
  return (args) =>
    kernel({ inputs: args.inputs, attrs: args.attrs ?? {}, backend: args.backend as NativeBackend }) ??
    fallback(args);
}

function ownKernel(kernelName: string, kernel: AnyKernel): KernelConfig {
  return {
    kernelName,
    backendName: BACKEND_NAME,
    kernelFunc: withFallback(kernel, () => {
      throw new TypeError(`${kernelName}: inputs must be float32 tensors of matching shapes`);
    }),
  };
}

// The registry's types know no kernel that returns a promise; nothing but a call by name reaches these.
function asyncKernel(kernelName: string, kernel: AsyncKernel): KernelConfig {
  return { kernelName, backendName: BACKEND_NAME, kernelFunc: kernel as unknown as KernelFunc };
}
