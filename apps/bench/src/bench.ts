/** A whole run: the engines of this machine, the groups of cases that the flags ask for, one after the other. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConvNetworkSpec, InvalidArgumentError } from '@srmcmc/core';
import { convNetwork, paperChannels } from '@srmcmc/energy';
import { type BackendName, backendNames, findBackends, peakCommand } from './engines/backends.ts';
import type { Engine, Found } from './engines/engine.ts';
import { findPeers, type PeerName } from './engines/peers.ts';
import { environment, type Environment } from './environment.ts';
import type { Flags } from './flags.ts';
import { writeInputs } from './inputs.ts';
import { type Group, measureGroup } from './measure.ts';
import { caseTitle, newResults, type Results, type Row } from './results.ts';
import {
  inception,
  inceptionCases,
  inceptionOperations,
  writeInceptionInputs,
} from './workloads/inception.ts';
import type { NamedWorkload } from './workloads/workload.ts';
import { workloads } from './workloads/workloads.ts';

export interface BenchEvents {
  /** Before the first sample: where it is measured, and by how many samples. */
  onStart(environment: Environment, engines: readonly Engine[], samples: number): void;
  /** Samples taken, or not to be waited for any more, and the case at hand. */
  onSamples(count: number, title: string): void;
}

export interface BenchResult {
  readonly results: Results;
  /** Engines of ours that compute something else than the reference. */
  readonly wrong: readonly string[];
}

interface PlannedGroup extends Omit<Group, 'inputs' | 'scratch'> {
  /** The safetensors file that its engines read. */
  writeInputs(path: string): Promise<void>;
}

/** LeakyReLU with the paper's slope. */
const ACTIVATION = { name: 'leakyRelu', slope: 0.2 } as const;
const COLOURS = 3;

/**
 * Measures what the flags ask for. Where `signal` aborts, the rows that have enough samples are returned.
 *
 * @throws InvalidArgumentError for an engine that there is not; PeerUnavailableError for a peer that cannot run.
 */
export async function bench(flags: Flags, events: BenchEvents, signal: AbortSignal): Promise<BenchResult> {
  const { engines, leftOut, versions } = await findEngines(flags);
  const groups = await plan(flags);
  const here = environment(versions);
  const expected = groups.map(({ cases, workload }) => cases.length * suited(engines, workload).length);
  events.onStart(here, engines, flags.samples * expected.reduce((a, b) => a + b, 0));
  const rows: Row[] = [];
  const missing = leftOut.map((entry) => ({ ...entry, case: null as string | null }));
  const wrong: string[] = [];
  const scratch = await mkdtemp(join(tmpdir(), 'srmcmc-bench-'));
  try {
    for (const group of groups) {
      if (signal.aborted) break;
      const inputs = join(scratch, 'inputs.safetensors');
      await group.writeInputs(inputs);
      await measureGroup(
        { ...group, inputs, scratch },
        suited(engines, group.workload),
        {
          samples: flags.samples,
          sampleSeconds: flags.sampleSeconds,
          budgetSeconds: flags.budget,
          peakCommand: engines.some(({ kind }) => kind === 'native') ? peakCommand(group.threads) : undefined,
          signal,
        },
        {
          onRow: (row) => rows.push(row),
          onLeftOut: (entry, isWrong) => {
            missing.push(entry);
            if (isWrong && entry.engine.startsWith('native/')) wrong.push(`${entry.engine}: ${entry.case}`);
          },
          onSamples: (count) => events.onSamples(count, caseTitle(group.cases[0]!)),
        },
      );
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const results = newResults({
    environment: here,
    sampleSeconds: flags.sampleSeconds,
    rows,
    leftOut: missing,
  });
  return { results, wrong };
}

/** Whether `--engines` asks for the engine of this name. */
export function isRequested({ engines }: Flags, name: string): boolean {
  return engines.some((start) => name === start || name.startsWith(`${start}/`));
}

async function findEngines(flags: Flags): Promise<Found> {
  const names = [...new Set(flags.engines.map((name) => name.split('/')[0]!))];
  const unknown = names.find((name) => !backendNames.includes(name as BackendName));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(
      'engines',
      `must be of ${backendNames.join(', ')}, got '${unknown}'; peers are chosen by --peer`,
    );
  }
  const backends = await findBackends(names as BackendName[], (name) => isRequested(flags, name));
  for (const start of flags.engines.filter((name) => name.includes('/'))) {
    if (backends.leftOut.some(({ engine }) => engine.startsWith('native/'))) break;
    const found = [
      ...backends.engines.map(({ name }) => name),
      ...backends.leftOut.map(({ engine }) => engine),
    ];
    if (found.some((name) => `${name}/`.startsWith(`${start}/`))) continue;
    throw new InvalidArgumentError(
      'engines',
      `there is no '${start}' on this machine: give native for all ways`,
    );
  }
  const peers = await findPeers([...new Set(flags.peer)] as PeerName[], flags.python);
  return {
    engines: [...backends.engines, ...peers.engines],
    leftOut: [...backends.leftOut, ...peers.leftOut],
    versions: { ...backends.versions, ...peers.versions },
  };
}

async function plan(flags: Flags): Promise<PlannedGroup[]> {
  const groups: PlannedGroup[] = [];
  for (const threads of flags.threads)
    for (const name of flags.workloads)
      groups.push(
        ...(name === 'inception' ? [await ofInception(flags, threads)] : ofNetworks(name, flags, threads)),
      );
  return groups;
}

function ofNetworks(name: keyof typeof workloads, flags: Flags, threads: number): PlannedGroup[] {
  const workload = workloads[name];
  return flags.nets.map(netOf).flatMap(({ side, width, network }) =>
    flags.chains.map((chains): PlannedGroup => {
      const options = { side, width, chains, steps: flags.steps, learningSteps: flags.learningSteps };
      return {
        workload,
        cases: workload.cases(options, network),
        network,
        threads,
        unitsPerCall: workload.unitsPerCall,
        operations: (one) => workload.operations(one, network),
        checkOperations: (one, images) => workload.checkOperations(one, network, images),
        writeInputs: (path) => writeInputs(path, network, workload.extraInputs(network)),
      };
    }),
  );
}

async function ofInception({ batches, weights }: Flags, threads: number): Promise<PlannedGroup> {
  const cases = await inceptionCases(batches, weights);
  return {
    workload: inception,
    cases,
    network: null,
    threads,
    unitsPerCall: ({ chains }) => chains,
    operations: inceptionOperations,
    checkOperations: (one, images) => images * inceptionOperations(one),
    writeInputs: (path) => writeInceptionInputs(path, cases[0]!.width, weights),
  };
}

/** `64@32`: the paper's net of n = 64 for images of 32 px. */
function netOf(name: string): { side: number; width: number; network: ConvNetworkSpec } {
  const [width, side] = name.split('@').map(Number) as [number, 32 | 64 | 128];
  const network = convNetwork([side, side, COLOURS], paperChannels(side, width), ACTIVATION);
  return { side, width, network };
}

function suited(engines: readonly Engine[], { name }: NamedWorkload): Engine[] {
  return engines.filter(({ workloads }) => workloads === undefined || workloads.includes(name));
}
