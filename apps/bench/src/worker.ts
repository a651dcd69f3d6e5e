/**
 * The process of an engine on TensorFlow.js: answers requests until its input ends. The program starts it with the
 * engine's options as one argument of JSON; instruction set and threads come through the environment.
 */
import { createInterface } from 'node:readline';
import type { Answer, Request } from './protocol.ts';
import { startEngine, type TfjsEngineOptions, UnsupportedError } from './engines/tfjs-engine.ts';

// Standard output belongs to the answers: whatever a library prints goes to standard error.
console.log = console.info = console.warn = console.debug = console.error;
// Ctrl-C reaches every process of a terminal. The program ends this one.
process.on('SIGINT', () => undefined);

const options = JSON.parse(process.argv[2] ?? '{}') as TfjsEngineOptions;
const engine = await startEngine(options).catch((error: unknown) => error as Error);

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request;
  process.stdout.write(`${JSON.stringify(await answer(request))}\n`);
}

async function answer({ id, method, params }: Request): Promise<Answer> {
  try {
    if (engine instanceof Error) throw engine;
    return { id, result: await engine[method](params as never) };
  } catch (error) {
    const kind = error instanceof UnsupportedError ? 'unsupported' : 'failed';
    return { id, error: { kind, message: error instanceof Error ? error.message : String(error) } };
  }
}
