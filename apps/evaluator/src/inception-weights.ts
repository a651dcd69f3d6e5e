/** The weights of Inception-v3: of a file or a folder, or the published ones, which are downloaded once. */
import {
  describeWeights,
  downloadInceptionWeights,
  type InceptionWeights,
  loadInceptionWeights,
} from '@srmcmc/metrics';
import type { Context } from './context.ts';
import { progress } from './progress.ts';

/** In place of a path: pytorch-fid's file, found in the cache folder or else fetched. */
const DOWNLOAD = 'download';
const BYTES_OF_A_MEGABYTE = 1e6;

/**
 * Reads the weights, and says on stderr which they are.
 *
 * @throws what `loadInceptionWeights` and `downloadInceptionWeights` throw.
 */
export async function inceptionWeights(
  context: Context,
  path: string,
  sha256: string | undefined,
): Promise<InceptionWeights> {
  const file = path === DOWNLOAD ? await download(context) : path;
  const weights = await loadInceptionWeights(file, sha256 === undefined ? {} : { sha256 });
  context.stderr.write(`${describeWeights(weights)}\n`);
  return weights;
}

async function download({ stderr, signal }: Context): Promise<string> {
  let line: ReturnType<typeof progress> | undefined;
  const onProgress = ({ received, total }: { received: number; total: number }): void => {
    line ??= progress(stderr, 'MB of the weights', Math.ceil(total / BYTES_OF_A_MEGABYTE));
    line.at(received / BYTES_OF_A_MEGABYTE);
  };
  return downloadInceptionWeights({ onProgress, signal }).finally(() => line?.end());
}
