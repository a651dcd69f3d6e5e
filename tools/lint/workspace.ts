/** What the checks need to know about this repository: its members, its files, and how to run a command in it. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Member {
  /** Relative to the root, "packages/core". */
  readonly directory: string;
  readonly manifest: Manifest;
}

/** The fields of a package.json that the checks read. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly private?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>> | string>>;
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly publishConfig?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** The packages and the apps under `base`, in alphabetical order. */
export function members(base = root): Member[] {
  return ['packages', 'apps'].flatMap((parent) => {
    if (!existsSync(join(base, parent))) return [];
    return readdirSync(join(base, parent))
      .sort()
      .map((name) => `${parent}/${name}`)
      .filter((directory) => existsSync(join(base, directory, 'package.json')))
      .map((directory) => ({ directory, manifest: readManifest(join(base, directory)) }));
  });
}

export function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
}

export interface CommandResult {
  readonly ok: boolean;
  /** What the command wrote to stdout and stderr, as it came. */
  readonly output: string;
}

/** Runs a command, with the tools of the root on its PATH; never throws for a command that fails. */
export function command(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? root,
      env: {
        ...process.env,
        PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
        TURBO_TELEMETRY_DISABLED: '1',
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ ok: false, output: `${program}: ${error.message}` }));
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}

/** Runs pnpm: the one that started this process, or else the version that package.json pins. */
export function pnpm(args: readonly string[], cwd = root): Promise<CommandResult> {
  const started = process.env.npm_execpath;
  // Dependencies were checked when the first pnpm started; checking again for each command costs seconds.
  const env = { npm_config_verify_deps_before_run: 'false' };
  if (started !== undefined && /pnpm\.c?js$/.test(started)) {
    return command(process.execPath, [started, ...args], { cwd, env });
  }
  return command('npx', ['--yes', String(readManifest(root).packageManager), ...args], { cwd, env });
}
