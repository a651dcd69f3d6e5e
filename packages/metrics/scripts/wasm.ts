/** Compiles wasm/kernels.ts into src/linear-algebra/module.ts; the tests hold the one against the other. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import asc from 'assemblyscript/asc';

/** What WebAssembly can address with 32 bits; shared memories must name a limit. */
const MOST_PAGES = 65536;

const folder = fileURLToPath(new URL('..', import.meta.url));
const target = `${folder}src/linear-algebra/module.ts`;

/** The text of module.ts. */
export async function compiledModule(): Promise<string> {
  const features = ['simd', 'threads', 'bulk-memory'].flatMap((feature) => ['--enable', feature]);
  const memory = ['--importMemory', '--sharedMemory', '--maximumMemory', String(MOST_PAGES)];
  const optimization = ['-O3', '--noAssert', '--runtime', 'stub'];
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    ['wasm/kernels.ts', '--outFile', 'kernels.wasm', ...optimization, ...features, ...memory],
    {
      readFile: (name) => readSource(`${folder}${name}`),
      writeFile: (_name, contents) => {
        binary = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || binary === undefined) throw new Error(stderr.toString(), { cause: error });
  return [
    '/** The compiled kernels of wasm/: made by `pnpm wasm`, never edited. */',
    `export const MODULE =`,
    `  '${Buffer.from(binary).toString('base64')}';`,
    '',
  ].join('\n');
}

function readSource(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The compiler tries several names for an import.
    return null;
  }
}

if (process.argv[1] !== undefined && pathToFileURL(process.argv[1]).href === import.meta.url) {
  writeFileSync(target, await compiledModule());
}
