/** The program's side of an engine: a child process that stays alive and answers one request at a time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SrmcmcError } from '@srmcmc/core';
import type { Answer, Method, Requests } from './protocol.ts';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** An engine could not be started, died, or refused a request. */
export class EngineError extends SrmcmcError {
  /** Whether it can never do what was asked, as against an accident. */
  readonly unsupported: boolean;

  constructor(message: string, unsupported = false) {
    super('ENGINE', message);
    this.unsupported = unsupported;
  }
}

const STDERR_LINES = 12;

export class EngineProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer | EngineError) => void>();
  readonly #complaints: string[] = [];
  readonly #closed: Promise<void>;
  #ended: EngineError | undefined;
  #nextId = 0;

  constructor(name: string, { program, args, env }: Command) {
    this.name = name;
    this.#child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdin, stdout, stderr } = this.#child;
    // A write to a process that has died is told by its 'exit'.
    stdin!.on('error', () => undefined);
    createInterface({ input: stdout! }).on('line', (line) => this.#onLine(line));
    createInterface({ input: stderr! }).on('line', (line) => {
      this.#complaints.push(line);
      if (this.#complaints.length > STDERR_LINES) this.#complaints.shift();
    });
    this.#closed = new Promise((resolve) => this.#child.on('close', () => resolve()));
    this.#child.on('error', (error) => this.#end(`cannot start ${program}: ${error.message}`));
    this.#child.on('close', (code, signal) => {
      const last = this.#complaints.filter((line) => line.trim() !== '').at(-1);
      this.#end(
        `its process ended (${signal ?? `code ${code}`})${last === undefined ? '' : `: ${last.trim()}`}`,
      );
    });
  }

  /** @throws EngineError when the engine refuses, fails or is gone. */
  async request<M extends Method>(method: M, params: Requests[M]['params']): Promise<Requests[M]['result']> {
    if (this.#ended) throw this.#ended;
    const id = this.#nextId++;
    const answer = await new Promise<Answer | EngineError>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.stdin!.write(`${JSON.stringify({ id, method, params })}\n`);
    });
    if (answer instanceof EngineError) throw answer;
    if ('error' in answer) {
      const { kind, message } = answer.error;
      throw new EngineError(message.trim().split('\n')[0]!, kind === 'unsupported');
    }
    return answer.result as Requests[M]['result'];
  }

  /** Ends the process at once. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #onLine(line: string): void {
    let answer: Answer;
    try {
      answer = JSON.parse(line) as Answer;
    } catch {
      this.#complaints.push(line);
      return;
    }
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }

  #end(message: string): void {
    this.#ended ??= new EngineError(message);
    for (const resolve of this.#waiting.values()) resolve(this.#ended);
    this.#waiting.clear();
  }
}

/** How to start `worker.ts` with these options: from source as this process was, or from the build. */
export function workerCommand(options: object, env: Readonly<Record<string, string>>): Command {
  const isSource = import.meta.url.endsWith('.ts');
  const worker = fileURLToPath(new URL(isSource ? './worker.ts' : './worker.js', import.meta.url));
  const loader = isSource ? sourceLoader() : [];
  return { program: process.execPath, args: [...loader, worker, JSON.stringify(options)], env };
}

function sourceLoader(): string[] {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return ['--import', loader, '--conditions=@srmcmc/source'];
}

/** The folder of the engines in Python. */
export const peersFolder = fileURLToPath(new URL('../peers/', import.meta.url));
