/**
 * Measuring one group of cases: the engines that share them take turns, so that what else the machine does falls on all
 * alike, and the machine's peak is measured in every turn.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConvNetworkSpec } from '@srmcmc/core';
import { type Command, EngineError, EngineProcess } from './engine-process.ts';
import type { Engine } from './engines/engine.ts';
import { peakPrecisionOf, relativeError, TOLERANCES } from './comparison.ts';
import type { Case, CheckAnswer, Peaks } from './protocol.ts';
import { caseTitle, type Row } from './results.ts';
import type { NamedWorkload } from './workloads/workload.ts';

export interface Group {
  readonly workload: NamedWorkload;
  readonly cases: readonly Case[];
  readonly network: ConvNetworkSpec | null;
  /** Units of work in one call. */
  unitsPerCall(one: Case): number;
  /** Floating-point operations of one unit, and of the check of some images. */
  operations(one: Case): number;
  checkOperations(one: Case, images: number): number;
  readonly threads: number;
  /** The safetensors file of weights and images. */
  readonly inputs: string;
  /** A folder for what engines write. */
  readonly scratch: string;
}

export interface MeasureOptions {
  /** Samples of every row. */
  readonly samples: number;
  /** At least this long does a sample take. */
  readonly sampleSeconds: number;
  /** A row that would take longer is left out. */
  readonly budgetSeconds: number;
  /** Measures the peaks; undefined where nothing can. */
  readonly peakCommand: Command | undefined;
  readonly signal: AbortSignal;
}

export interface GroupReport {
  onRow(row: Row): void;
  /** `isWrong`: it ran, and computed something else than the reference. */
  onLeftOut(leftOut: { engine: string; case: string; why: string }, isWrong: boolean): void;
  /** One sample was taken, or `count` that were expected will not be. */
  onSamples(count: number): void;
}

/** An engine at work on a case. */
interface Contender {
  readonly engine: Engine;
  readonly process: EngineProcess;
  calls: number;
  relativeError: number | null;
  readonly seconds: number[];
  readonly cpuSeconds: number[];
  readonly peaks: Peaks[];
  peakBytes: number;
}

/** An engine that computes something else is no engine to compare with. */
class WrongResultError extends EngineError {
  constructor(error: number) {
    super(`it computes something else: relative error ${error.toPrecision(2)}`);
  }
}

/** A sample takes this much longer than wanted, so that few turn out shorter. */
const MARGIN = 1.1;
/** Time of the warm-up, in samples. */
const WARM_UP_SAMPLES = 1;
/** What an interrupted row needs to be told. */
const FEWEST_SAMPLES = 3;
/** So many times as long as the whole case, for its size, can a check of a few images take. */
const CHECK_EXCESS = 100;

export async function measureGroup(
  group: Group,
  engines: readonly Engine[],
  options: MeasureOptions,
  report: GroupReport,
): Promise<void> {
  const processes = engines.map((engine) => new EngineProcess(engine.name, engine.command(group.threads)));
  const peak = options.peakCommand && new EngineProcess('peak', options.peakCommand);
  const all = [...processes, ...(peak ? [peak] : [])];
  const killAll = (): Promise<unknown> => Promise.all(all.map((process) => process.kill()));
  const stop = (): void => void killAll();
  options.signal.addEventListener('abort', stop);
  try {
    // An engine that is still starting would disturb the first one's warm-up.
    await Promise.allSettled(all.map((process) => process.request('describe', {})));
    for (const one of group.cases) {
      if (options.signal.aborted) return;
      await measureCase(group, one, engines, processes, peak, options, report);
    }
  } finally {
    options.signal.removeEventListener('abort', stop);
    await killAll();
  }
}

async function measureCase(
  group: Group,
  one: Case,
  engines: readonly Engine[],
  processes: readonly EngineProcess[],
  peak: EngineProcess | undefined,
  options: MeasureOptions,
  report: GroupReport,
): Promise<void> {
  const contenders: Contender[] = [];
  let reference: Float32Array | undefined;
  for (const [i, engine] of engines.entries()) {
    try {
      const { contender, values } = await admit(group, one, engine, processes[i]!, reference, options);
      if (engine.precision === 'float32') reference ??= values;
      contenders.push(contender);
    } catch (error) {
      if (options.signal.aborted) return;
      if (!(error instanceof EngineError)) throw error;
      const isWrong = error instanceof WrongResultError;
      report.onLeftOut({ engine: engine.name, case: caseTitle(one), why: error.message }, isWrong);
      report.onSamples(options.samples);
    }
  }
  const running = new Set(contenders);
  for (let round = 0; round < options.samples && !options.signal.aborted; round++) {
    const peaks = peak && (await peak.request('peaks', {}).catch(() => undefined));
    for (const contender of running) {
      if (options.signal.aborted) break;
      try {
        await takeSample(group, one, contender, peaks);
        report.onSamples(1);
      } catch (error) {
        running.delete(contender);
        if (options.signal.aborted || !(error instanceof EngineError)) break;
        const { name } = contender.engine;
        report.onLeftOut({ engine: name, case: caseTitle(one), why: error.message }, false);
        report.onSamples(options.samples - round);
      }
    }
  }
  for (const contender of contenders) {
    const isWhole = running.has(contender) || options.signal.aborted;
    if (isWhole && contender.seconds.length >= Math.min(FEWEST_SAMPLES, options.samples)) {
      report.onRow(rowOf(group, one, contender));
    }
    await contender.process.request('release', {}).catch(() => undefined);
  }
}

/** Prepares, compares with the reference, and warms up. Throws an EngineError that says why not. */
async function admit(
  group: Group,
  one: Case,
  engine: Engine,
  process: EngineProcess,
  reference: Float32Array | undefined,
  { samples, sampleSeconds, budgetSeconds }: MeasureOptions,
): Promise<{ contender: Contender; values: Float32Array }> {
  const { network, inputs, scratch } = group;
  const prepare = (prepared: Case) => process.request('prepare', { case: prepared, network, inputs });
  await prepare(one);
  const output = join(scratch, `${engine.name.replaceAll('/', '-')}.f32`);
  let checked = await process.request('check', { output });
  const operationsOf = (called: Case): number => group.operations(called) * group.unitsPerCall(called);
  const predict = ({ images, seconds }: CheckAnswer): number =>
    (samples + 1) * (seconds / group.checkOperations(one, images)) * operationsOf(one);
  // The first time also compiles and allocates.
  if (predict(checked) > budgetSeconds) checked = await process.request('check', { output });
  if (predict(checked) > budgetSeconds) {
    // All images and one step, or one call, tell more than few images. Two such calls are waited for: of one step, though
    // the guess may be far off, and of a whole case where both together keep within the budget.
    const isLong = (one.steps ?? 1) > 1;
    const short = isLong ? { ...one, steps: 1 } : one;
    refuseSlow(predict(checked), budgetSeconds, isLong ? CHECK_EXCESS : (samples + 1) / 2);
    if (isLong) await prepare(short);
    await process.request('run', { calls: 1 });
    const { seconds } = await process.request('run', { calls: 1 });
    refuseSlow((samples + 1) * (seconds / operationsOf(short)) * operationsOf(one), budgetSeconds);
    if (isLong) await prepare(one);
  }
  const bytes = await readFile(output);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const error = reference === undefined ? null : relativeError(values, reference, checked.parts);
  if (error !== null && !(error <= TOLERANCES[engine.precision])) {
    throw new WrongResultError(error);
  }
  const calls = await callsOfSample(process, sampleSeconds);
  refuseSlow(calls.seconds * samples, budgetSeconds);
  const contender: Contender = {
    engine,
    process,
    calls: calls.count,
    relativeError: error,
    seconds: [],
    cpuSeconds: [],
    peaks: [],
    peakBytes: 0,
  };
  return { contender, values };
}

/** Warms up, and finds how many calls make a sample long enough. */
async function callsOfSample(
  process: EngineProcess,
  sampleSeconds: number,
): Promise<{ count: number; seconds: number }> {
  let count = 1;
  let spent = 0;
  for (;;) {
    const { seconds } = await process.request('run', { calls: count });
    spent += seconds;
    const isWarm = spent >= WARM_UP_SAMPLES * sampleSeconds;
    if (isWarm && seconds >= sampleSeconds) return { count, seconds };
    const needed = Math.ceil((count * MARGIN * sampleSeconds) / seconds);
    count = Math.max(count, Math.min(needed, 10 * count));
  }
}

/** `excess`: so many times the budget is let pass, where `seconds` is a guess that will be made a better one. */
function refuseSlow(seconds: number, budgetSeconds: number, excess = 1): void {
  if (seconds <= excess * budgetSeconds) return;
  throw new EngineError(`too slow: about ${Math.ceil(seconds)} s, more than ${budgetSeconds} s (--budget)`);
}

async function takeSample(
  group: Group,
  one: Case,
  contender: Contender,
  peaks: Peaks | undefined,
): Promise<void> {
  const { calls, process, seconds, cpuSeconds } = contender;
  const answer = await process.request('run', { calls });
  const units = calls * group.unitsPerCall(one);
  seconds.push(answer.seconds / units);
  cpuSeconds.push(answer.cpuSeconds / units);
  if (peaks) contender.peaks.push(peaks);
  contender.peakBytes = Math.max(contender.peakBytes, answer.peakBytes);
}

function rowOf({ workload, operations, threads }: Group, one: Case, contender: Contender): Row {
  const { engine, seconds, cpuSeconds, peaks, relativeError, peakBytes } = contender;
  const peakPrecision = peakPrecisionOf(engine.precision, peaks);
  const known = peaks.length === seconds.length && peaks.length > 0;
  return {
    case: one,
    threads,
    engine: engine.name,
    label: engine.label,
    kind: engine.kind,
    precision: engine.precision,
    unit: workload.unit,
    operations: operations(one),
    seconds,
    cpuSeconds,
    peaks: known ? peaks.map((peak) => peak[peakPrecision]!) : null,
    peakPrecision,
    relativeError,
    peakBytes,
  };
}
