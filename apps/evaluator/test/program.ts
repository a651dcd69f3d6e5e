/** Runs the program in this process and keeps what it writes. */
import { main } from '../src/main.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function evaluate(args: readonly string[], signal?: AbortSignal): Promise<Outcome> {
  const written = { stdout: '', stderr: '' };
  const code = await main(args, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    signal: signal ?? new AbortController().signal,
  });
  return { code, ...written };
}

/** The same on the cpu backend, whose sums do not depend on the batch; fails unless the exit code is 0. */
export async function evaluateOnCpu(...args: string[]): Promise<Outcome> {
  const outcome = await evaluate([...args, '--backend', 'cpu']);
  if (outcome.code !== 0) throw new Error(outcome.stderr);
  return outcome;
}
