/** The engines on TensorFlow.js: `@srmcmc/native` by every way that this processor has, and the other backends. */
import { EngineProcess, workerCommand } from '../engine-process.ts';
import type { Description } from '../protocol.ts';
import { type Engine, type Found, threadVariables } from './engine.ts';
import type { TfjsEngineOptions } from './tfjs-engine.ts';

export const backendNames = ['native', 'tensorflow-gpu', 'tensorflow', 'wasm', 'cpu'] as const;
export type BackendName = (typeof backendNames)[number];

/** What SRMCMC_ISA takes, slowest first. Which of them there are, the addon says. */
const INSTRUCTION_SETS = ['portable', 'avx2', 'avx512'] as const;

/** Starts each backend once to see whether it runs here. */
export async function findBackends(names: readonly BackendName[]): Promise<Found> {
  const found = await Promise.all(
    names.map((name) => (name === 'native' ? findNative() : findBackend(name))),
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
    command: (threads) => workerCommand(options, threadVariables(threads)),
  };
  return { engines: [engine], leftOut: [], versions: answer.versions };
}

async function findNative(): Promise<Found> {
  const options = { backend: 'native', fused: true } as const;
  const answers = await Promise.all(
    INSTRUCTION_SETS.map((set) => describe('native', options, { SRMCMC_ISA: set })),
  );
  const described = answers.filter((answer) => typeof answer !== 'string');
  if (described.length === 0) {
    return { engines: [], leftOut: [{ engine: 'native', why: answers[0] as string }], versions: {} };
  }
  // A processor without the set that was asked for takes the best that it has, which is listed already.
  const sets = INSTRUCTION_SETS.filter((set, i) => (answers[i] as Description).instructionSet === set);
  const engines = [...sets].reverse().flatMap((set) => nativeEngines(set));
  return { engines, leftOut: [], versions: described[0]!.versions };
}

/** All steps in one call, and step by step. */
function nativeEngines(instructionSet: string): Engine[] {
  const engine = (fused: boolean): Engine => ({
    name: `native/float32/${instructionSet}${fused ? '' : '/loop'}`,
    kind: 'native',
    precision: 'float32',
    label: `@srmcmc/native, ${instructionSet}, ${fused ? 'all steps in one call' : 'step by step'}`,
    ...(!fused && { workloads: ['langevin-step'] }),
    command: (threads) =>
      workerCommand(
        { backend: 'native', fused },
        { ...threadVariables(threads), SRMCMC_ISA: instructionSet },
      ),
  });
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
    process.kill();
  }
}
