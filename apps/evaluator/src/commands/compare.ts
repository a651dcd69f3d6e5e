/** `compare`: several sets of images, or results of earlier runs, against one reference in one table. */
import { InvalidArgumentError } from '@srmcmc/core';
import { z } from 'zod';
import { comparisonTable, columnsOf } from '../comparison.ts';
import type { Context } from '../context.ts';
import { evaluate, type Evaluation } from '../evaluation.ts';
import { writeReport } from '../report/report.ts';
import { programOf, readResults, type ReadResults, writeJson } from '../result.ts';
import { written } from '../words.ts';
import { comparisonFlags } from './feature-flags.ts';

export const compareFlags = z.object({
  reference: z
    .string()
    .optional()
    .describe('what to compare with; not needed where all are results of earlier runs (.json)'),
  ...comparisonFlags,
});

type CompareFlags = z.output<typeof compareFlags>;

/** Prints one table of all that was measured alike, and refuses what was not. */
export async function compare(
  context: Context,
  paths: readonly string[],
  flags: CompareFlags,
): Promise<void> {
  const earlier = new Map<string, ReadResults>();
  for (const path of paths.filter(isResult)) earlier.set(path, await readResults(path));
  const sources = paths.filter((path) => !isResult(path));
  const evaluation = sources.length === 0 ? undefined : await evaluateAll(context, sources, flags);
  const results = paths.flatMap(
    (path) => earlier.get(path)?.results ?? evaluation!.results[sources.indexOf(path)]!,
  );
  const reference = evaluation?.reference.subject.about ?? earlier.get(paths[0]!)!.reference;
  const columns = columnsOf(results);
  if (flags.report !== undefined) {
    await writeReport(context, flags.report, { results, columns, reference, evaluation });
  }
  if (flags.json !== undefined) {
    const program = evaluation === undefined ? {} : { program: programOf(evaluation.backend) };
    await writeJson(context, flags.json, { ...program, reference, results });
  }
  if (flags.json !== true)
    context.stdout.write(comparisonTable(results, columns, reference) + written(flags));
  await evaluation?.finish();
}

function isResult(path: string): boolean {
  return path.toLowerCase().endsWith('.json');
}

function evaluateAll(context: Context, sources: readonly string[], flags: CompareFlags): Promise<Evaluation> {
  const { reference } = flags;
  if (reference === undefined) {
    throw new InvalidArgumentError(
      'reference',
      `${sources[0]} is no result of an earlier run (.json): name what to compare it with`,
    );
  }
  return evaluate(context, sources, reference, flags);
}
