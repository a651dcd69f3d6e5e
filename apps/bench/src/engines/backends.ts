/** The engines on TensorFlow.js: `@srmcmc/native` by every way that this processor has, and the other backends. */
import { EngineProcess, workerCommand } from '../engine-process.ts';
import { type Description, type Precision, type WorkloadName, WORKLOADS } from '../protocol.ts';
import { type Engine, type Found, type LeftOut, threadVariables } from './engine.ts';
import type { TfjsEngineOptions } from './tfjs-engine.ts';

export const backendNames = ['native', 'tensorflow-gpu', 'tensorflow', 'wasm', 'cpu'] as const;
export type BackendName = (typeof backendNames)[number];

/** What SRMCMC_ISA takes, best first. Which of them compute in which precision here, the addon says. */
const INSTRUCTION_SETS = ['amx', 'avx512', 'avx2', 'portable'] as const;
const PRECISIONS = ['float32', 'bfloat16'] as const;
/** All of plain JavaScript: one image takes Inception ten seconds there. */
const CPU_WORKLOADS: readonly WorkloadName[] = WORKLOADS.filter((name) => name !== 'inception');

/** Starts each backend once to see whether it runs here; of `native` only the ways whose engine is `wanted`. */
export async function findBackends(
  names: readonly BackendName[],
  wanted: (engine: string) => boolean,
): Promise<Found> {
  const found = await Promise.all(
    names.map((name) => (name === 'native' ? findNative(wanted) : findBackend(name))),
  );
  return {
    engines: found.flatMap(({ engines }) => engines),
    leftOut: found.flatMap(({ leftOut }) => leftOut),
    versions: Object.assign({}, ...found.map(({ versions }) => versions)) as Record<string, string>,
  };
}

/** What measures the peaks: the best that the processor has. */
export function peakCommand(threads: number) {
  return workerCommand({ backend: 'native', fused: false }, threadVariables(threads));
}

async function findBackend(backend: Exclude<BackendName, 'native'>): Promise<Found> {
  const options = { backend, fused: false };
  const answer = await describe(backend, options, {});
  if (typeof answer === 'string') {
    return { engines: [], leftOut: [{ engine: backend, why: answer }], versions: {} };
  }
  const engine: Engine = {
    name: backend,
    kind: 'backend',
    precision: 'float32',
    label: answer.label,
    ...(backend === 'cpu' && { workloads: CPU_WORKLOADS }),
    command: (threads) => workerCommand(options, threadVariables(threads)),
  };
  return { engines: [engine], leftOut: [], versions: answer.versions };
}

async function findNative(wanted: (engine: string) => boolean): Promise<Found> {
  const leftOut: LeftOut[] = [];
  let versions: Description['versions'] = {};
  const found = await Promise.all(
    INSTRUCTION_SETS.map(async (set) => {
      const engines = PRECISIONS.flatMap((precision) => nativeEngines(precision, set));
      const chosen = engines.filter(({ name }) => wanted(name));
      if (chosen.length === 0) return [];
      const options = { backend: 'native', fused: true } as const;
      const answer = await describe('native', options, { SRMCMC_ISA: set });
      if (typeof answer === 'string') {
        leftOut.push({ engine: `native/*/${set}`, why: answer });
        return [];
      }
      versions = answer.versions;
      // Where the processor lacks the instructions, the addon takes others, which are listed themselves.
      return chosen.filter(({ precision }) => answer.precisions?.[precision].startsWith(set));
    }),
  );
  // float32 first: its best engine is the reference.
  const engines = PRECISIONS.flatMap((precision) =>
    found.flat().filter((engine) => engine.precision === precision),
  );
  return { engines, leftOut, versions };
}

/** All steps in one call, and step by step. */
function nativeEngines(precision: Precision, instructionSet: string): Engine[] {
  const engine = (fused: boolean): Engine => {
    const workloads: readonly WorkloadName[] = fused ? WORKLOADS : ['langevin-step', 'hmc-step'];
    return {
      name: `native/${precision}/${instructionSet}${fused ? '' : '/loop'}`,
      kind: 'native',
      precision,
      label: `@srmcmc/native, ${precision}, ${instructionSet}, ${fused ? 'all steps in one call' : 'step by step'}`,
      workloads,
      command: (threads) =>
        workerCommand({ backend: 'native', fused, precision } satisfies TfjsEngineOptions, {
          ...threadVariables(threads),
          SRMCMC_ISA: instructionSet,
        }),
    };
  };
  return [engine(true), engine(false)];
}

/** The engine's own description, or why there is none. */
async function describe(
  name: string,
  options: TfjsEngineOptions,
  env: Readonly<Record<string, string>>,
): Promise<Description | string> {
  const process = new EngineProcess(name, workerCommand(options, env));
  try {
    return await process.request('describe', {});
  } catch (error) {
    return (error as Error).message;
  } finally {
    await process.kill();
  }
}
