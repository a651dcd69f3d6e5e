/** Programs of other people that do the same work, in Python: see `peers/README.md`. */
import { join, relative } from 'node:path';
import { SrmcmcError } from '@srmcmc/core';
import { type Command, EngineProcess, peersFolder } from '../engine-process.ts';
import type { Precision, WorkloadName } from '../protocol.ts';
import { type Engine, type Found, type LeftOut, threadVariables } from './engine.ts';

/** A peer that was asked for by name cannot run here. */
class PeerUnavailableError extends SrmcmcError {
  constructor(peer: string, why: string) {
    super('PEER_UNAVAILABLE', `peer '${peer}' is not available: ${why}`);
  }
}

interface Mode {
  readonly mode: string;
  readonly precision: Precision;
  readonly workloads?: readonly WorkloadName[];
}

const COMPILED: readonly WorkloadName[] = ['langevin-step', 'learning-iteration', 'inception'];
const INFERENCE: readonly WorkloadName[] = ['langevin-step', 'convolution'];

const PEERS = {
  pytorch: [
    { mode: 'float32', precision: 'float32' },
    { mode: 'bfloat16-autocast', precision: 'bfloat16' },
    { mode: 'float32-compiled', precision: 'float32', workloads: COMPILED },
    { mode: 'bfloat16-compiled', precision: 'bfloat16', workloads: COMPILED },
  ],
  openvino: [
    { mode: 'float32', precision: 'float32', workloads: INFERENCE },
    { mode: 'bfloat16', precision: 'bfloat16', workloads: INFERENCE },
  ],
} as const satisfies Record<string, readonly Mode[]>;

export type PeerName = keyof typeof PEERS;
export const peerNames = Object.keys(PEERS) as readonly PeerName[];

/**
 * Starts each mode of each peer once. A mode that the processor cannot do is left out.
 *
 * @throws PeerUnavailableError when a peer has no mode that runs: what was asked for is missing.
 */
export async function findPeers(names: readonly PeerName[], python: string): Promise<Found> {
  const found = await Promise.all(names.map((name) => findPeer(name, python)));
  return {
    engines: found.flatMap(({ engines }) => engines),
    leftOut: found.flatMap(({ leftOut }) => leftOut),
    versions: Object.assign({}, ...found.map(({ versions }) => versions)) as Record<string, string>,
  };
}

async function findPeer(peer: PeerName, python: string): Promise<Found> {
  const engines: Engine[] = [];
  const leftOut: LeftOut[] = [];
  let versions: Readonly<Record<string, string>> = {};
  for (const { mode, precision, workloads } of PEERS[peer] as readonly Mode[]) {
    const name = `${peer}/${mode}`;
    const command = (threads: number): Command => ({
      program: python,
      args: [join(peersFolder, `${peer}_engine.py`), mode],
      env: threadVariables(threads),
    });
    const process = new EngineProcess(name, command(1));
    try {
      const description = await process.request('describe', {});
      versions = description.versions;
      engines.push({
        name,
        kind: 'peer',
        precision,
        label: description.label,
        ...(workloads && { workloads }),
        command,
      });
    } catch (error) {
      leftOut.push({ engine: name, why: (error as Error).message });
    } finally {
      await process.kill();
    }
  }
  if (engines.length === 0) {
    const requirements = join(relative('.', peersFolder) || '.', 'requirements.txt');
    throw new PeerUnavailableError(
      peer,
      `${leftOut[0]!.why}. To have it: ${python} -m pip install -r ${requirements}; another Python is chosen by --python`,
    );
  }
  return { engines, leftOut, versions };
}
