/** The workloads, in the order of the report. */
import type { WorkloadName } from '../protocol.ts';
import { convolution } from './convolution.ts';
import { langevinStep } from './langevin-step.ts';
import { learningIteration } from './learning-iteration.ts';
import type { Workload } from './workload.ts';

export const workloads: Readonly<Record<WorkloadName, Workload>> = {
  'langevin-step': langevinStep,
  'learning-iteration': learningIteration,
  convolution,
};

export const workloadNames = Object.keys(workloads) as readonly WorkloadName[];
