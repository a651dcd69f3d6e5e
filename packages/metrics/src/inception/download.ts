/** Downloads pytorch-fid's file of weights once, into a folder where it is found again. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { StorageError } from '@srmcmc/core';
import { cacheFolder, storing } from '../cache-folder.ts';
import { DownloadError, WeightsHashError } from './errors.ts';

/** A file of weights that is published somewhere. */
export interface PublishedWeights {
  readonly url: string;
  /** The name it gets. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The weights that pytorch-fid 0.3.0 loads; torch-fidelity publishes the same bytes. */
export const PYTORCH_FID_WEIGHTS: PublishedWeights = {
  url: 'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth',
  file: 'pt_inception-2015-12-05-6726825d.pth',
  bytes: 95_628_359,
  sha256: '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2',
};

export interface DownloadOptions {
  /** Default: `srmcmc` in the user's cache folder, $XDG_CACHE_HOME or ~/.cache. */
  readonly folder?: string;
  /** What to download. Default: `PYTORCH_FID_WEIGHTS`. */
  readonly weights?: PublishedWeights;
  /** Called as bytes arrive, and once when the file is whole already. */
  readonly onProgress?: (progress: { readonly received: number; readonly total: number }) => void;
  readonly signal?: AbortSignal;
}

/** The server may be silent for this long before the download is given up. */
const PATIENCE_MS = 30_000;

/**
 * Makes sure that the folder has the file, and returns its path for `loadInceptionWeights`. A download that was cut
 * short goes on where it stopped. What arrives is kept under the name `<file>.part` until its SHA-256 is right.
 *
 * @throws DownloadError where the server cannot be reached or breaks off: it says where to put the file by hand.
 * WeightsHashError where the bytes are not those that were published; they are removed. StorageError where the
 * folder cannot be written; the signal's reason when it is aborted.
 */
export async function downloadInceptionWeights(options: DownloadOptions = {}): Promise<string> {
  const { folder = cacheFolder(), weights = PYTORCH_FID_WEIGHTS, onProgress, signal } = options;
  const path = join(folder, weights.file);
  if ((await sizeOf(path)) !== undefined) {
    await requireHash(
      path,
      weights,
      `it does not hold ${weights.file}: remove it, and it is downloaded again`,
    );
    onProgress?.({ received: weights.bytes, total: weights.bytes });
    return path;
  }
  const part = `${path}.part`;
  await storing(folder, () => mkdir(folder, { recursive: true }));
  try {
    await receive(weights, part, onProgress, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof StorageError) throw cause;
    throw await unreachable(weights, path, part, cause);
  }
  try {
    await requireHash(
      part,
      weights,
      'the download was damaged or replaced on its way, and is removed: run again',
    );
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await storing(path, () => rename(part, path));
  return path;
}

/** Appends to the part what it lacks. */
async function receive(
  { url, bytes }: PublishedWeights,
  part: string,
  onProgress: DownloadOptions['onProgress'],
  signal: AbortSignal | undefined,
): Promise<void> {
  let received = (await sizeOf(part)) ?? 0;
  if (received === bytes) return;
  const patience = new AbortController();
  const timer = setTimeout(
    () => patience.abort(new Error(`no answer for ${PATIENCE_MS / 1000} s`)),
    PATIENCE_MS,
  );
  try {
    const headers: Record<string, string> =
      received > 0 && received < bytes ? { range: `bytes=${received}-` } : {};
    const signals = signal === undefined ? [patience.signal] : [patience.signal, signal];
    const response = await fetch(url, { headers, signal: AbortSignal.any(signals) });
    const goesOn = response.status === 206;
    if (response.body === null || (response.status !== 200 && !goesOn)) {
      throw new Error(`the server answers ${response.status} ${response.statusText}`.trim());
    }
    // A server that knows no ranges sends all of it.
    if (!goesOn) received = 0;
    const output = await storing(part, () => open(part, goesOn ? 'a' : 'w'));
    try {
      for await (const chunk of response.body) {
        timer.refresh();
        await storing(part, () => output.write(chunk));
        received += chunk.length;
        onProgress?.({ received, total: bytes });
        if (received > bytes) throw new Error(`it sends more than the ${bytes} bytes of the file`);
      }
      await storing(part, () => output.sync());
    } finally {
      await output.close();
    }
    if (received < bytes) throw new Error(`it broke off after ${received} of ${bytes} bytes`);
  } finally {
    clearTimeout(timer);
  }
}

async function unreachable(
  { url, bytes, sha256 }: PublishedWeights,
  path: string,
  part: string,
  cause: unknown,
): Promise<DownloadError> {
  const kept = (await sizeOf(part)) ?? 0;
  const megabytes = (size: number): string => `${Math.round(size / 1e6)} MB`;
  return new DownloadError(
    `${url} cannot be downloaded: ${reasonOf(cause)}. ` +
      (kept > 0 ? `${megabytes(kept)} of ${megabytes(bytes)} are kept: run again to go on. ` : '') +
      `Without network, put the file (${megabytes(bytes)}, SHA-256 ${sha256}) at ${path}`,
    { cause },
  );
}

/** fetch says 'fetch failed' and hides why in its causes. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  const inner = reasonOf(error.cause);
  return inner === '' ? error.message : inner;
}

async function requireHash(path: string, { sha256 }: PublishedWeights, remedy: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const actual = hash.digest('hex');
  if (actual !== sha256) throw new WeightsHashError(path, sha256, actual, remedy);
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}
