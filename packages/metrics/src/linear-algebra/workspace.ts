/** Memory for the compiled kernels of wasm/, and calls of them, here or in a thread of their own. */
import { Worker } from 'node:worker_threads';
import { SrmcmcError } from '@srmcmc/core';
import { MODULE } from './module.ts';

/** Places in the memory are byte offsets; the functions are described in wasm/. */
export interface Kernels {
  scratchSize(n: number): number;
  addLowerGram(m: number, k: number, alpha: number, a: number, lda: number, c: number, ldc: number): void;
  squaredDistances(m: number, n: number, d: number, x: number, y: number, out: number): void;
  cubicKernelSums(m: number, n: number, d: number, x: number, y: number, block: number, out: number): void;
  traceOfRoot(n: number, a: number, b: number, third: number, scratch: number, out: number): number;
}

/** A part of the memory. */
export interface Block {
  /** Byte offset. */
  readonly place: number;
  readonly values: Float64Array<SharedArrayBuffer>;
}

/** What Node's types leave out. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (pages: { initial: number; maximum: number; shared: true }) => WebAssemblyMemory;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

interface WebAssemblyMemory {
  readonly buffer: SharedArrayBuffer;
}

const { Module, Memory, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

const PAGE_BYTES = 65536;
const MOST_PAGES = 65536;
/** The module's own data, a few bytes, lie at the beginning. */
const RESERVED_BYTES = 1024;
const DOUBLE_BYTES = 8;

const THREAD = `
const { parentPort, workerData } = require('node:worker_threads');
const { module, memory } = workerData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
parentPort.on('message', ({ name, args }) => parentPort.postMessage(exports[name](...args)));
`;

let compiled: object | undefined;

/** A memory of fixed size. Its worker, if there is one, keeps the process alive only while it works. */
export class Workspace {
  /** Calls in this thread. */
  readonly kernels: Kernels;
  readonly #memory: WebAssemblyMemory;
  #free = RESERVED_BYTES;
  #worker: Worker | undefined;

  /** @throws SrmcmcError `OUT_OF_MEMORY` when the system does not give as much, or it is beyond 4 GiB. */
  constructor(doubles: number) {
    const pages = Math.ceil((RESERVED_BYTES + doubles * DOUBLE_BYTES) / PAGE_BYTES);
    try {
      this.#memory = new Memory({ initial: pages, maximum: Math.max(pages, 1), shared: true });
    } catch (cause) {
      const mebibytes = Math.ceil((pages * PAGE_BYTES) / 2 ** 20);
      const limit = pages > MOST_PAGES ? ', more than WebAssembly can address' : '';
      throw new SrmcmcError('OUT_OF_MEMORY', `this takes ${mebibytes} MiB of memory${limit}`, { cause });
    }
    const imports = { env: { memory: this.#memory } };
    this.kernels = new Instance(kernelModule(), imports).exports as Kernels;
  }

  /** Sets the next `length` doubles apart. They are 0. */
  take(length: number): Block {
    const place = this.#free;
    this.#free += length * DOUBLE_BYTES;
    return { place, values: new Float64Array(this.#memory.buffer, place, length) };
  }

  /** Calls a kernel in a thread, one call at a time. Rejects with the signal's reason when it is aborted. */
  async callAside<K extends keyof Kernels>(
    name: K,
    args: Parameters<Kernels[K]>,
    signal?: AbortSignal,
  ): Promise<ReturnType<Kernels[K]>> {
    signal?.throwIfAborted();
    const workerData = { module: kernelModule(), memory: this.#memory };
    const worker = (this.#worker ??= new Worker(THREAD, { eval: true, workerData, execArgv: [] }));
    worker.ref();
    return new Promise<ReturnType<Kernels[K]>>((resolve, reject) => {
      const finish = (): void => {
        worker.off('message', done).off('error', failed);
        signal?.removeEventListener('abort', aborted);
        worker.unref();
      };
      const done = (result: ReturnType<Kernels[K]>): void => {
        finish();
        resolve(result);
      };
      const failed = (error: unknown): void => {
        finish();
        this.close();
        reject(error);
      };
      const aborted = (): void => failed(signal!.reason);
      worker.on('message', done).on('error', failed);
      signal?.addEventListener('abort', aborted, { once: true });
      worker.postMessage({ name, args });
    });
  }

  /** Ends the thread. The memory goes with the object. */
  close(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
  }
}

function kernelModule(): object {
  return (compiled ??= new Module(Buffer.from(MODULE, 'base64')));
}
