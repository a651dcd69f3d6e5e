/** The workloads on the paper's networks. A new one is a file here, a name in `protocol.ts`, and a line below. */
import type { WorkloadName } from '../protocol.ts';
import { convolution } from './convolution.ts';
import { hmcStep } from './hmc-step.ts';
import { langevinStep } from './langevin-step.ts';
import { learningIteration } from './learning-iteration.ts';
import { learningPart } from './learning-part.ts';
import type { Workload } from './workload.ts';

export const workloads: Readonly<Record<Exclude<WorkloadName, 'inception'>, Workload>> = {
  'langevin-step': langevinStep,
  'hmc-step': hmcStep,
  'learning-iteration': learningIteration,
  'learning-part': learningPart,
  convolution,
};
