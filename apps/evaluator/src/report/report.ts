/** The report of an evaluation: numbers with intervals, pictures, and everything that they depend on. */
import { escapeXml } from '@srmcmc/figures';
import type { Measurement } from '@srmcmc/metrics';
import type { Column } from '../comparison.ts';
import type { Context } from '../context.ts';
import type { Evaluation, Side } from '../evaluation.ts';
import { writeOutputFile } from '../output-file.ts';
import { type About, programOf, type Result } from '../result.ts';
import { countsOf, fields, shortName } from '../words.ts';
import { memorisation } from './memorisation.ts';
import { byFeatures, measureName, numbers } from './numbers.ts';
import { descriptions, page, table } from './page.ts';
import { grids, neighbours, type PicturedSet } from './pictures.ts';

export interface ReportContent {
  readonly results: readonly Result[];
  readonly columns: readonly Column[];
  readonly reference: About;
  /** What was measured now, which has images; results of earlier runs have none. */
  readonly evaluation?: Evaluation | undefined;
}

/** Writes a page that needs no other file. @throws StorageError; the signal's reason when it is aborted. */
export async function writeReport(context: Context, path: string, content: ReportContent): Promise<void> {
  const { results, columns, reference, evaluation } = content;
  const sides = evaluation?.sides ?? [];
  const samples = sides.flatMap(pictured);
  const references = evaluation === undefined ? [] : pictured(evaluation.reference);
  const title =
    results.length === 1
      ? `Evaluation of ${shortName(results[0]!.name)}`
      : `Evaluation of ${results.length} sets`;
  const text = page(title, `${results.map(({ name }) => name).join(', ')}, against ${sourceOf(reference)}`, [
    { title: 'Numbers', content: numbers(results, columns) },
    { title: 'Images', content: await grids([...samples, ...references]) },
    {
      title: 'Nearest images of the training set',
      content: evaluation === undefined ? '' : await nearest(context, samples, evaluation),
    },
    { title: 'What the numbers depend on', content: dependencies(context, content) },
  ]);
  await writeOutputFile(path, (append) => append(Buffer.from(text)));
}

function pictured({ subject, read }: Side): PicturedSet[] {
  if (read === undefined) return [];
  const { images, pictures } = read;
  const shown = pictures.length / images.shape.reduce((product, size) => product * size, 1);
  const caption = `the first ${shown} of ${images.count}`;
  return [{ name: subject.name, caption, shape: images.shape, images: pictures }];
}

async function nearest(
  context: Context,
  samples: readonly PicturedSet[],
  { training }: Evaluation,
): Promise<string> {
  if (samples.length === 0) return '';
  if (training === undefined) {
    return '<p>The reference is no data set: name the training set with <code>--training</code> to look for copies.</p>';
  }
  const found = await memorisation(
    context,
    samples.map(({ images }) => images),
    training,
  );
  return neighbours(samples, found);
}

function sourceOf(about: About): string {
  return String(about.data ?? about.model ?? about.statistics);
}

function dependencies(context: Context, { results, columns, reference, evaluation }: ReportContent): string {
  const program = evaluation === undefined ? {} : programOf(evaluation.backend);
  const command = context.args === undefined ? '' : ['srmcmc-eval', ...context.args].join(' ');
  const subjects = results.map(({ name, images }) => [name, fields(images)] as const);
  return [
    descriptions([
      ['Command', command],
      [
        'Written',
        new Date()
          .toISOString()
          .replace('T', ' ')
          .replace(/\.\d+Z/, ' UTC'),
      ],
      ['Program', fields(program)],
      ...subjects,
      ['Reference', fields(reference)],
    ]),
    ...byFeatures(columns).map(
      (group) =>
        `${source(group[0].measurements[0]!)}${measures(group.map((column) => column.measurements[0]!))}`,
    ),
  ].join('\n');
}

function source({ computedWith: { features } }: Measurement): string {
  if (features === undefined) return '<h3>Images themselves</h3>';
  const { name, dimension, weights, resize, precision } = features;
  const rows = [
    ['Features', String(dimension)],
    ['SHA-256 of the weights', weights ?? ''],
    ['Resizing', resize ?? ''],
    ['Precision', precision ?? ''],
  ] as const;
  return `<h3>${escapeXml(name)}</h3>${descriptions(rows)}`;
}

function measures(measurements: readonly Measurement[]): string {
  const header = ['Measure', 'Counts', 'Settings', 'Interval', 'SHA-256 of the reference'];
  const rows = measurements.map((measurement) => {
    const { interval, computedWith } = measurement;
    const how =
      interval === undefined
        ? ''
        : `${100 * interval.level} %, ${interval.method}, ${interval.resamplings} resamplings, seed ${interval.seed}`;
    const { settings, reference } = computedWith;
    return [measureName(measurement), countsOf(measurement), fields(settings), how, reference?.sha256 ?? ''];
  });
  return table(header, rows);
}
