/** Counter-based random numbers: those of @srmcmc/core, made in C++. */

import { util } from '@tensorflow/tfjs-core';

import type { Addon } from '../addon.ts';
import type { NativeKernel } from './native-kernel.ts';

interface RandomAttrs {
  readonly shape: readonly number[];
  readonly key: readonly [number, number];
  readonly firstChain: number;
  readonly step: number;
}

export const randomKernels: Readonly<Record<string, NativeKernel>> = {
  PhiloxNormal: random('PhiloxNormal', ({ normal }) => normal),
  PhiloxUniform: random('PhiloxUniform', ({ uniform }) => uniform),
};

function random(name: string, draw: (addon: Addon) => Addon['normal']): NativeKernel {
  return ({ attrs, backend }) => {
    const { shape, key, firstChain, step } = attrs as RandomAttrs;
    const [chains, ...event] = shape;
    if (chains === undefined) throw new TypeError(`${name}: 'shape' must start with the number of chains`);
    const y = backend.output([...shape]);
    draw(backend.addon)(key[0], key[1], firstChain, step, chains, util.sizeFromShape(event), y.values);
    return y.info;
  };
}
