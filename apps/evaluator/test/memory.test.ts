/** Memory of an evaluation: the same for many images as for few. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from './checkpoints.ts';
import { writeInceptionWeights } from './inception-weights.ts';

const folder = temporaryFolder();
const weights = join(folder, 'inception.safetensors');
const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));
const FEW = 256;
/** Half a minute's worth; SRMCMC_MEMORY_IMAGES=50000 takes a quarter of an hour on two cores. */
const MANY = Number(process.env['SRMCMC_MEMORY_IMAGES'] ?? 1024);
/** What garbage that waits to be collected may differ by. One image's activations alone are 30 MiB. */
const SLACK_BYTES = 96 * 2 ** 20;
const LONGEST_MS = 3_600_000;
/** The last thing that the program does is to say the most memory that it ever had. */
const tellPeak = `data:text/javascript,process.on('exit', () => process.stderr.write('peak ' + process.resourceUsage().maxRSS))`;

beforeAll(() => writeInceptionWeights(weights));

/** The most memory that `stats` had, through Inception's first layers, whose outputs are its largest; bytes. */
async function peakOf(count: number): Promise<number> {
  const args = [
    ...['stats', 'cifar10:train', '--count', String(count), '--weights', weights],
    ...['--out', join(folder, `${count}.npz`)],
  ];
  const child = spawn(
    process.execPath,
    ['--conditions=@srmcmc/source', '--import', tellPeak, '--import', 'tsx', cli, ...args],
    { cwd: root, env: { ...process.env, XDG_CACHE_HOME: folder }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  expect(code, stderr).toBe(0);
  return 1024 * Number(/peak (\d+)/.exec(stderr)![1]);
}

// When garbage is collected is chance; memory that is kept would be there each time.
it(
  `memory is as flat for ${MANY} images through Inception as for ${FEW}`,
  { timeout: LONGEST_MS, retry: 2 },
  async () => {
    const few = await peakOf(FEW);
    const many = await peakOf(MANY);
    expect(many - few, `${few / 2 ** 20} and ${many / 2 ** 20} MiB`).toBeLessThan(SLACK_BYTES);
  },
);
