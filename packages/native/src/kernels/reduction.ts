/** Sum, Mean, Max and Min along any axes. */

import { type SumAttrs, type TensorInfo, util } from '@tensorflow/tfjs-core';

import type { NativeBackend } from '../backend.ts';
import { areFloat, input, type NativeKernel } from './native-kernel.ts';

/** Numbers of cpp/kernels.h's enum Reduction. */
const REDUCTIONS = { sum: 0, max: 1, min: 2 };

export const reductionKernels: Readonly<Record<string, NativeKernel>> = {
  Sum: reduction('sum'),
  Mean: reduction('sum', (count) => 1 / count),
  Max: reduction('max'),
  Min: reduction('min'),
};

/** Neighbouring axes that are all reduced, or all kept. */
interface AxisGroup {
  size: number;
  readonly reduced: boolean;
}

function reduction(
  name: keyof typeof REDUCTIONS,
  scaleOf: (count: number) => number = () => 1,
): NativeKernel {
  return ({ inputs, attrs, backend }) => {
    const x = input(inputs, 'x');
    if (!areFloat(x) || util.sizeFromShape(x.shape) === 0) return undefined;
    // The reduction kernels name their axes differently: Max calls them reductionIndices, the others axis.
    const { axis, keepDims, reductionIndices } = attrs as SumAttrs & { reductionIndices?: number | number[] };
    const axes = util.parseAxisParam(axis ?? reductionIndices!, x.shape);
    const count = axes.reduce((product, i) => product * x.shape[i]!, 1);
    const values = reduceGroups(backend, REDUCTIONS[name], x, axes, scaleOf(count));
    const shape = x.shape.flatMap((size, i) => (!axes.includes(i) ? [size] : keepDims ? [1] : []));
    values.info.shape = shape;
    return values.info;
  };
}

function reduceGroups(
  backend: NativeBackend,
  op: number,
  x: TensorInfo,
  axes: readonly number[],
  scale: number,
): { info: TensorInfo; values: Float32Array } {
  const groups: AxisGroup[] = [];
  x.shape.forEach((size, i) => {
    const reduced = axes.includes(i);
    const last = groups.at(-1);
    if (size === 1) return;
    if (last?.reduced === reduced) last.size *= size;
    else groups.push({ size, reduced });
  });
  if (!groups.some((group) => group.reduced)) groups.push({ size: 1, reduced: true });

  // One group at a time, the last first; each makes what is left smaller.
  let values = backend.floats(x);
  let previous: TensorInfo | undefined;
  for (;;) {
    const at = groups.findLastIndex((group) => group.reduced);
    const outer = groups.slice(0, at).reduce((product, group) => product * group.size, 1);
    const inner = groups.slice(at + 1).reduce((product, group) => product * group.size, 1);
    const length = groups[at]!.size;
    groups.splice(at, 1);
    const isLast = !groups.some((group) => group.reduced);
    const result = backend.output([outer * inner]);
    backend.addon.reduce(op, Int32Array.of(outer, length, inner), values, result.values, isLast ? scale : 1);
    if (previous) backend.disposeIntermediateTensorInfo(previous);
    if (isLast) return result;
    previous = result.info;
    values = result.values;
  }
}
