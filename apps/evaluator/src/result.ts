/** Results as JSON: what was measured, against what, and all that the numbers depend on. */
import { readFile } from 'node:fs/promises';
import { CorruptDataError, MissingDataError } from '@srmcmc/core';
import type { Measurement } from '@srmcmc/metrics';
import { z } from 'zod';
import type { Context } from './context.ts';
import { writeOutputFile } from './output-file.ts';
import { VERSION } from './software.ts';

/** How images were drawn or read. */
export type About = Readonly<Record<string, string | number | boolean>>;

/** One set of images, measured. */
export interface Result {
  readonly name: string;
  readonly images: About;
  readonly measurements: readonly Measurement[];
}

/** What a file of results holds. */
export interface ReadResults {
  readonly reference: About;
  readonly results: readonly Result[];
}

/** What computed, for whoever wants the same numbers again. */
export function programOf(backend: string): About {
  return { name: 'srmcmc-eval', version: VERSION, node: process.version, backend };
}

/** To a file, or, where the flag was given alone, to standard output, which then holds nothing else. */
export async function writeJson(context: Context, json: string | true, content: object): Promise<void> {
  const text = `${JSON.stringify(content, null, 2)}\n`;
  if (json === true) context.stdout.write(text);
  else await writeOutputFile(json, (append) => append(Buffer.from(text)));
}

// JSON has no infinity, which is the number of examples of statistics that do not say it.
const count = z
  .number()
  .nullable()
  .transform((value) => value ?? Infinity);
const about = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const measurement = z.looseObject({
  metric: z.string(),
  value: z.number(),
  deviation: z.number().optional(),
  standardError: z.number().optional(),
  interval: z
    .object({
      level: z.number(),
      low: z.number(),
      high: z.number(),
      method: z.enum(['jackknife', 'bootstrap']),
      resamplings: z.number(),
      seed: z.number(),
    })
    .optional(),
  computedWith: z.object({
    features: z
      .object({
        name: z.string(),
        weights: z.string().nullable(),
        resize: z.string().nullable(),
        precision: z.string().nullable().default(null),
        dimension: z.number(),
      })
      .optional(),
    samples: count,
    reference: z.object({ count, sha256: z.string() }).optional(),
    settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  }),
  warnings: z.array(z.string()),
});
const one = z.object({ images: about, reference: about, measurements: z.array(measurement).min(1) });
const several = z.object({
  reference: about,
  results: z
    .array(z.object({ name: z.string(), images: about, measurements: z.array(measurement).min(1) }))
    .min(1),
});

/**
 * The results that `metrics` or `compare` wrote to a file.
 *
 * @throws MissingDataError where it cannot be read, CorruptDataError where it is no such file.
 */
export async function readResults(path: string): Promise<ReadResults> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new MissingDataError(`${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new CorruptDataError(`${path} is not JSON, or cut short: ${(cause as Error).message}`, { cause });
  }
  const single = one.safeParse(content);
  if (single.success) {
    const { images, reference, measurements } = single.data;
    return { reference, results: [{ name: path, images, measurements: measurements as Measurement[] }] };
  }
  const many = several.safeParse(content);
  if (!many.success) {
    const issue = (isList(content) ? many : single).error!.issues[0]!;
    throw new CorruptDataError(
      `${path} is no result of metrics or compare: ${issue.path.join('.')}: ${issue.message}`,
    );
  }
  return many.data as ReadResults;
}

function isList(content: unknown): boolean {
  return typeof content === 'object' && content !== null && 'results' in content;
}
