/** Counter-based normals: those of @srmcmc/core, made in C++. */

import { util } from '@tensorflow/tfjs-core';

import type { NativeKernel } from './native-kernel.ts';

interface PhiloxNormalAttrs {
  readonly shape: readonly number[];
  readonly key: readonly [number, number];
  readonly firstChain: number;
  readonly step: number;
}

export const randomKernels: Readonly<Record<string, NativeKernel>> = {
  PhiloxNormal: ({ attrs, backend }) => {
    const { shape, key, firstChain, step } = attrs as PhiloxNormalAttrs;
    const [chains, ...event] = shape;
    if (chains === undefined)
      throw new TypeError("PhiloxNormal: 'shape' must start with the number of chains");
    const y = backend.output([...shape]);
    backend.addon.normal(key[0], key[1], firstChain, step, chains, util.sizeFromShape(event), y.values);
    return y.info;
  },
};
