/** What a run of the benchmark leaves: every sample, and what was left out. Also the form of a baseline. */
import { readFile } from 'node:fs/promises';
import { SrmcmcError } from '@srmcmc/core';
import { z } from 'zod';
import { environmentSchema } from './environment.ts';
import { type Case, LEARNING_PARTS, PASSES, WORKLOADS } from './protocol.ts';
import { interquartileRange, median } from './statistics.ts';

/** Of the file. Goes up when a field changes its meaning, or a workload what it does. */
const RESULTS_VERSION = 1;

const count = z.int().min(1);

const caseSchema = z.object({
  workload: z.enum(WORKLOADS),
  side: count,
  width: count,
  chains: count,
  steps: count.optional(),
  layer: z.int().min(0).optional(),
  pass: z.enum(PASSES).optional(),
  part: z.enum(LEARNING_PARTS).optional(),
});

const rowSchema = z.object({
  case: caseSchema,
  threads: count,
  engine: z.string(),
  label: z.string(),
  kind: z.enum(['native', 'backend', 'peer']),
  precision: z.enum(['float32', 'bfloat16']),
  /** What `seconds` are of: a step, an iteration, a pass. */
  unit: z.string(),
  /** Floating-point operations of one unit. */
  operations: z.number().positive(),
  /** One number a sample, each the mean over the units of the sample. */
  seconds: z.array(z.number().positive()).min(1),
  cpuSeconds: z.array(z.number()),
  /** 10⁹ operations a second that the machine was measured to do just before each sample; null where unknown. */
  peaks: z.array(z.number().positive()).nullable(),
  /** What the peak is of: multiply-adds of this precision. */
  peakPrecision: z.enum(['float32', 'bfloat16']),
  /** Against the first float32 engine on the same input; null for that engine itself. */
  relativeError: z.number().nullable(),
  /** The most memory that the engine's process had resident, bytes. */
  peakBytes: z.number(),
});

const hasPeakOfEachSample = ({ peaks, seconds }: z.infer<typeof rowSchema>): boolean =>
  peaks === null || peaks.length === seconds.length;

const resultsSchema = z.object({
  program: z.literal('srmcmc-bench'),
  version: z.int(),
  environment: environmentSchema,
  /** At least this long does every sample take. */
  sampleSeconds: z.number().positive(),
  rows: z.array(
    rowSchema.refine(hasPeakOfEachSample, { path: ['peaks'], error: 'must be one for each of the seconds' }),
  ),
  leftOut: z.array(z.object({ engine: z.string(), case: z.string().nullable(), why: z.string() })),
});

export type Row = z.infer<typeof rowSchema>;
export type Results = z.infer<typeof resultsSchema>;

/** A file of results is not what its name says, or of another version. */
export class ResultsFileError extends SrmcmcError {
  constructor(message: string, options?: ErrorOptions) {
    super('RESULTS_FILE', message, options);
  }
}

export function newResults(content: Omit<Results, 'program' | 'version'>): Results {
  return { program: 'srmcmc-bench', version: RESULTS_VERSION, ...content };
}

/** @throws ResultsFileError, with what to do. */
export async function readResults(path: string): Promise<Results> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const problem = error instanceof SyntaxError ? `${path} is not JSON` : `cannot read ${path}`;
    throw new ResultsFileError(`${problem}: ${(error as Error).message}`, { cause: error });
  }
  const version = (content as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version !== RESULTS_VERSION) {
    throw new ResultsFileError(
      `${path} is of version ${version}, this program reads ${RESULTS_VERSION}: measure it anew`,
    );
  }
  const parsed = resultsSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new ResultsFileError(
    `${path} is no file of results: ${issue.path.join('.') || 'file'}: ${issue.message}`,
  );
}

/** What a row says, as people want it. */
export interface Summary {
  /** Median of one unit. */
  readonly seconds: number;
  /** Interquartile range of the times, as a fraction of their median. */
  readonly spread: number;
  readonly gflops: number;
  /** Median over the samples of their fraction of the peak measured beside them; null without a peak. */
  readonly fraction: { readonly median: number; readonly range: number } | null;
}

export function summary({ seconds, operations, peaks }: Row): Summary {
  const middle = median(seconds);
  const fractions = peaks?.map((peak, i) => operations / seconds[i]! / 1e9 / peak);
  return {
    seconds: middle,
    spread: interquartileRange(seconds) / middle,
    gflops: operations / middle / 1e9,
    fraction: fractions ? { median: median(fractions), range: interquartileRange(fractions) } : null,
  };
}

/** `langevin-step, 32 px, n = 64, m = 64, K = 10`; also a convolution's layer and pass, or which part. */
export function caseTitle({ workload, side, width, chains, steps, layer, pass, part }: Case): string {
  const names = workload === 'inception' ? ['features', 'batch'] : ['n', 'm'];
  return [
    workload,
    `${side} px`,
    `${names[0]} = ${width}`,
    `${names[1]} = ${chains}`,
    ...(steps === undefined ? [] : [`K = ${steps}`]),
    ...(layer === undefined ? [] : [`layer ${layer + 1} ${pass}`]),
    ...(part === undefined ? [] : [part]),
  ].join(', ');
}

/** The same for equal cases on as many threads, and for no others. */
export function caseKey(one: Case, threads: number): string {
  return `${caseTitle(one)}, ${threads} thread${threads === 1 ? '' : 's'}`;
}

/** The rows of one case on one number of threads, together. */
export function groupRows(rows: readonly Row[]): { key: string; rows: Row[] }[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = caseKey(row.case, row.threads);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups].map(([key, rows]) => ({ key, rows }));
}
