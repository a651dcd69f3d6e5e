/** An engine on a backend of TensorFlow.js: what its process does for each request. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type BackendRequest, selectBackend } from '@srmcmc/backends';
import { type ConvNetworkSpec, key, SrmcmcError } from '@srmcmc/core';
import { energyOf, loadStateDict } from '@srmcmc/energy';
import { nativeStatus, peakGflops, setConvolutionPrecision, setPrecision } from '@srmcmc/native';
import { parse, toFloat32 } from '@srmcmc/safetensors';
import * as tf from '@tensorflow/tfjs-core';
import {
  type Case,
  CHECK_IMAGES,
  type Description,
  type Method,
  type Peaks,
  type Precision,
  type Preparation,
  type Requests,
} from '../protocol.ts';
import { prepareInception } from '../workloads/inception.ts';
import type { Prepared, Workload } from '../workloads/workload.ts';
import { workloads } from '../workloads/workloads.ts';

export interface TfjsEngineOptions {
  readonly backend: Exclude<BackendRequest, 'auto'>;
  /** All steps in one call of the backend. */
  readonly fused: boolean;
  /** Of the native backend; float32 unless given. */
  readonly precision?: Precision;
}

/** The engine cannot do this, whatever one installs. */
export class UnsupportedError extends SrmcmcError {
  constructor(message: string) {
    super('UNSUPPORTED', message);
  }
}

export type Engine = {
  [M in Method]: (params: Requests[M]['params']) => Promise<Requests[M]['result']>;
};

/** The kernel of all steps that a backend may have. */
const FUSED_KERNEL = 'ShortRunLangevin';
/** Threads of an engine that spin after its turn would disturb the next one: it ends its turn when they sleep. */
const QUIET_MS = 10;
const QUIET_SHARE = 0.2;
const QUIET_TRIES = 50;

interface Ready extends Prepared {
  readonly images: number;
}

/** @throws BackendUnavailableError when the backend cannot run here. */
export async function startEngine(options: TfjsEngineOptions): Promise<Engine> {
  const { backend, fused, precision = 'float32' } = options;
  const { label, name } = await selectBackend(backend);
  if (fused && tf.getKernel(FUSED_KERNEL, name) === undefined) {
    throw new UnsupportedError(`${label} has no kernel ${FUSED_KERNEL}`);
  }
  if (backend === 'native') {
    setPrecision(precision);
    setConvolutionPrecision(precision);
  }
  let ready: Ready | undefined;
  const current = (): Ready => {
    if (ready === undefined) throw new Error('nothing is prepared');
    return ready;
  };
  return {
    describe: async () => ({
      label: fused ? label : `${label}, step by step`,
      versions: { node: process.version, '@tensorflow/tfjs-core': tf.version_core },
      ...precisionsOf(backend),
    }),
    prepare: async (preparation) => {
      ready?.dispose();
      ready = await prepare(preparation, fused, precision);
      return {};
    },
    check: async ({ output }) => {
      const { images, check } = current();
      const start = performance.now();
      const checked = await check(images);
      const { values, parts, seconds = (performance.now() - start) / 1000 } = checked;
      await writeFile(output, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      return { images, parts, seconds };
    },
    run: async ({ calls }) => {
      const { run } = current();
      const busy = process.cpuUsage();
      const start = performance.now();
      for (let i = 0; i < calls; i++) await run();
      const seconds = (performance.now() - start) / 1000;
      const { user, system } = process.cpuUsage(busy);
      await becomeQuiet();
      return {
        seconds,
        cpuSeconds: (user + system) / 1e6,
        peakBytes: process.resourceUsage().maxRSS * 1024,
      };
    },
    release: async () => {
      ready?.dispose();
      ready = undefined;
      return {};
    },
    peaks: async () => measurePeaks(),
  };
}

async function prepare(
  { case: one, network, inputs }: Preparation,
  fused: boolean,
  precision: Precision,
): Promise<Ready> {
  const images = Math.min(one.chains, CHECK_IMAGES);
  if (one.workload === 'inception') return { ...(await prepareInception(one, inputs, precision)), images };
  return { ...prepareNetwork(workloads[one.workload], one, network!, inputs, fused), images };
}

function prepareNetwork(
  workload: Workload,
  one: Case,
  network: ConvNetworkSpec,
  inputs: string,
  fused: boolean,
): Prepared {
  const { tensors } = parse(readFileSync(inputs));
  const energy = energyOf(network, key(0)) as ReturnType<typeof energyOf> & { network: ConvNetworkSpec };
  const weights = [...tensors].filter(([name]) => name.startsWith('f.'));
  loadStateDict(
    energy,
    new Map(weights.map(([name, tensor]) => [name, { shape: tensor.shape, data: toFloat32(tensor) }])),
  );
  const repeated = (name: string): tf.Tensor4D =>
    tf.tidy(() => {
      const raw = tensors.get(name)!;
      const few = tf.tensor4d(toFloat32(raw), raw.shape as [number, number, number, number]);
      const times = Math.ceil(one.chains / raw.shape[0]!);
      return tf.slice(tf.tile(few, [times, 1, 1, 1]), 0, one.chains) as tf.Tensor4D;
    });
  const images = repeated('images');
  const prepared = workload.prepare({ case: one, energy, images, fused, extra: repeated });
  return {
    ...prepared,
    dispose: () => {
      prepared.dispose();
      images.dispose();
      energy.dispose();
    },
  };
}

function precisionsOf(backend: string): Pick<Description, 'precisions'> {
  const { precisions } = backend === 'native' ? nativeStatus() : {};
  return precisions === undefined ? {} : { precisions };
}

function measurePeaks(): Peaks {
  if (!nativeStatus().available) throw new UnsupportedError('peaks are measured by @srmcmc/native');
  return peakGflops();
}

async function becomeQuiet(): Promise<void> {
  for (let i = 0; i < QUIET_TRIES; i++) {
    const before = process.cpuUsage();
    const start = performance.now();
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 < QUIET_SHARE * (performance.now() - start)) return;
  }
}
