/** `metrics`: how far images are from a reference, by features. */
import { z } from 'zod';
import { columnsOf } from '../comparison.ts';
import type { Context } from '../context.ts';
import { evaluate } from '../evaluation.ts';
import { metricsTable } from '../metrics-table.ts';
import { writeReport } from '../report/report.ts';
import { programOf, writeJson } from '../result.ts';
import { written } from '../words.ts';
import { comparisonFlags } from './feature-flags.ts';

export const metricsFlags = z.object({
  reference: z.string().describe('what to compare with: data, a model, or a file of statistics'),
  ...comparisonFlags,
});

/** Prints a table of the measures that the features and the reference allow, or writes them as the flags ask. */
export async function metrics(
  context: Context,
  path: string,
  flags: z.output<typeof metricsFlags>,
): Promise<void> {
  const evaluation = await evaluate(context, [path], flags.reference, flags);
  const { results, reference, backend } = evaluation;
  const [{ images, measurements }] = results as [(typeof results)[number]];
  const about = { images, reference: reference.subject.about };
  if (flags.report !== undefined) {
    const columns = columnsOf(results);
    await writeReport(context, flags.report, { results, columns, reference: about.reference, evaluation });
  }
  if (flags.json !== undefined) {
    await writeJson(context, flags.json, { program: programOf(backend), ...about, measurements });
  }
  if (flags.json !== true) context.stdout.write(metricsTable(measurements, about) + written(flags));
  await evaluation.finish();
}
