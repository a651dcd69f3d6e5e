/** report.html: curves, pictures and everything needed to run it again, in one file that needs no other. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { escapeXml, lineChart, type LineChart, pngToWebp, type Series } from '@srmcmc/figures';
import type { Config } from './config.ts';
import { bestOf, type EvaluationRecord } from './evaluations.ts';
import { writeWhole } from './files.ts';
import { readJsonLines } from './json-lines.ts';
import type { Measurement } from './measure.ts';
import { formatDuration } from './progress.ts';
import type { RunFolder } from './run-folder.ts';
import type { LogRecord, NoteRecord, SessionRecord, SpeedRecord } from './run-log.ts';

/** Pictures shown, spread evenly over the run; more would make the file large. */
const PICTURES = 12;

/** Writes the report of a run from the files in its folder. Throws StorageError. */
export async function writeReport(folder: RunFolder): Promise<void> {
  const config = JSON.parse(await readFile(folder.config, 'utf8')) as Config;
  const metrics = await readJsonLines<Measurement>(folder.metrics);
  const evaluations = await readJsonLines<EvaluationRecord>(folder.evaluations);
  const log = await readJsonLines<LogRecord>(folder.log);
  const pictures = await readPictures(folder.samples);
  await writeWhole(folder.report, page(titleOf(folder), config, metrics, evaluations, log, pictures));
}

/** `runs/quick-2`, wherever that is: a report may be read on another machine. */
function titleOf({ path }: RunFolder): string {
  return join(basename(dirname(resolve(path))), basename(resolve(path)));
}

interface Picture {
  readonly iteration: number;
  /** WebP. */
  readonly base64: string;
}

async function readPictures(folder: string): Promise<Picture[]> {
  const found = (await readdir(folder))
    .filter((name) => /^samples-\d+\.png$/.test(name))
    .map((name) => ({ name, iteration: Number(/\d+/.exec(name)![0]) }))
    .sort((a, b) => a.iteration - b.iteration);
  return Promise.all(
    spread(found).map(async ({ name, iteration }) => {
      const webp = await pngToWebp(await readFile(join(folder, name)));
      return { iteration, base64: Buffer.from(webp).toString('base64') };
    }),
  );
}

/** The first, the last, and those nearest to even distances in between. */
function spread<T extends { readonly iteration: number }>(found: readonly T[]): T[] {
  const [first, last] = [found[0], found.at(-1)];
  if (first === undefined || last === undefined || found.length <= PICTURES) return [...found];
  const nearest = (iteration: number): T =>
    found.reduce((a, b) => (Math.abs(b.iteration - iteration) < Math.abs(a.iteration - iteration) ? b : a));
  const pitch = (last.iteration - first.iteration) / (PICTURES - 1);
  return [...new Set(Array.from({ length: PICTURES }, (_, i) => nearest(first.iteration + i * pitch)))];
}

function page(
  title: string,
  config: Config,
  metrics: readonly Measurement[],
  evaluations: readonly EvaluationRecord[],
  log: readonly LogRecord[],
  pictures: readonly Picture[],
): string {
  const last = pictures.at(-1);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}: short-run MCMC</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escapeXml(title)}</h1><p>Short-run MCMC as a generator: ${escapeXml(summary(config, metrics))}</p></header>
<main>
${last === undefined ? '' : `<section><h2>Samples at iteration ${last.iteration}</h2>${figure(last, captionOf(config, log), 'large')}</section>`}
<section><h2>Learning</h2>${resumed(log)}${best(evaluations)}<div class="charts">${charts(metrics, evaluations, log).join('\n')}</div></section>
${pictures.length < 2 ? '' : `<section><h2>The same chains over time</h2><div class="pictures${isOfPoints(log) ? ' wide' : ''}">${pictures.map((picture) => figure(picture, `iteration ${picture.iteration}`, 'small')).join('\n')}</div></section>`}
<section><h2>How it was run</h2>${sessionsTable(log)}${notes(log)}</section>
<section><h2>Configuration</h2>${configTable(config)}</section>
</main>
</body>
</html>
`;
}

function summary(config: Config, metrics: readonly Measurement[]): string {
  const done = metrics.at(-1)?.iteration ?? 0;
  return `${config.data}, K = ${config.steps}, m = ${config.batch}, ${done} of ${config.iterations} iterations`;
}

function figure({ iteration, base64 }: Picture, caption: string, size: 'large' | 'small'): string {
  return `<figure class="${size}"><img alt="samples at iteration ${iteration}" src="data:image/webp;base64,${base64}"><figcaption>${escapeXml(caption)}</figcaption></figure>`;
}

/** Whether the pictures are of densities in the plane. */
function isOfPoints(log: readonly LogRecord[]): boolean {
  return log.some((record) => record.kind === 'session' && record.dataset.endsWith(' [2]'));
}

function captionOf({ steps, samples }: Config, log: readonly LogRecord[]): string {
  return isOfPoints(log)
    ? `Left: the data. Middle: the learned density exp(f(x)) / Z. Right: ${samples} short runs of ${steps} steps.`
    : `${samples} short runs of ${steps} Langevin steps from noise, the same chains in every picture.`;
}

function resumed(log: readonly LogRecord[]): string {
  const isResumed = log.some((one) => one.kind === 'session' && one.iteration > 0);
  return isResumed ? '<p>Dashed lines: the run was resumed.</p>' : '';
}

function best(evaluations: readonly EvaluationRecord[]): string {
  const found = bestOf(evaluations);
  if (found === undefined) return '';
  const { samples } = found.computedWith.pixels;
  return (
    `<p>Best of the evaluations, which compare the same ${samples} chains with the data each time: iteration ` +
    `${found.iteration}, distance ${found.distance.toPrecision(3)}, in <code>best</code> beside this report.</p>`
  );
}

function charts(
  metrics: readonly Measurement[],
  evaluations: readonly EvaluationRecord[],
  log: readonly LogRecord[],
): string[] {
  const marks = log.flatMap((one) => (one.kind === 'session' && one.iteration > 0 ? [one.iteration] : []));
  const series = (label: string, y: (one: Measurement) => number): Series => ({
    label,
    points: metrics.flatMap((one, i) => {
      const point = [one.iteration, y(one)] as const;
      // Lost iterations are a gap in the curve.
      const isNext = i === 0 || one.iteration === metrics[i - 1]!.iteration + 1;
      return isNext ? [point] : [[one.iteration - 1, NaN] as const, point];
    }),
  });
  const distances = (label: 'distance' | 'pixels' | 'spectrum'): Series => ({
    label,
    points: evaluations.map((one) => [one.iteration, one[label]] as const),
  });
  const memory: Series = {
    label: 'memory',
    points: lasting(log).map((record) => [record.iteration, record.memory / 1e6] as const),
  };
  const all: Pick<LineChart, 'title' | 'yLabel' | 'yScale' | 'series'>[] = [
    {
      title: 'Difference of mean f, data minus samples',
      yLabel: 'f(x⁺) − f(x⁻)',
      series: [series('difference', (one) => one.dataValue - one.sampleValue)],
    },
    {
      title: 'Mean f',
      yLabel: 'f(x)',
      series: [series('data', (one) => one.dataValue), series('samples', (one) => one.sampleValue)],
    },
    {
      title: 'Mean norm of f′ over chains and steps',
      yLabel: '‖∂f/∂x‖',
      series: [series('norm', (one) => one.gradientNorm)],
    },
    {
      title: 'Magnitude of the samples',
      yLabel: 'mean |x⁻|',
      series: [series('samples', (one) => one.sampleMagnitude)],
    },
    {
      title: 'Distance of fixed samples to the data',
      yLabel: 'Fréchet distance',
      yScale: 'log',
      series: [distances('distance'), distances('pixels'), distances('spectrum')],
    },
    {
      title: 'Learning rate of Adam',
      yLabel: 'learning rate',
      yScale: 'log',
      series: [series('learning rate', (one) => one.learningRate)],
    },
    {
      title: 'Noise added to the data',
      yLabel: 'standard deviation σ',
      series: [series('sigma', (one) => one.sigma)],
    },
    { title: 'Memory of the process', yLabel: 'resident memory, MB', series: [memory] },
  ];
  return all
    .filter((chart) => chart.series.some(({ points }) => points.some(([, y]) => y !== 0)))
    .map((chart) => lineChart({ ...chart, xLabel: 'iteration', marks }));
}

/** The records of the speed that no rollback and no crash has undone, in order of the iteration. */
function lasting(log: readonly LogRecord[]): SpeedRecord[] {
  const kept: SpeedRecord[] = [];
  for (const record of log) {
    if (record.kind !== 'speed') continue;
    while (kept.length > 0 && kept.at(-1)!.iteration >= record.iteration) kept.pop();
    kept.push(record);
  }
  return kept;
}

/** One row a process that worked on the run. */
function sessionsTable(log: readonly LogRecord[]): string {
  const sessions: { session: SessionRecord; last?: SpeedRecord }[] = [];
  for (const record of log) {
    if (record.kind === 'session') sessions.push({ session: record });
    else if (record.kind === 'speed') sessions.at(-1)!.last = record;
  }
  return sessions
    .map(({ session, last }) => {
      const rate = last === undefined ? '' : (last.iteration - session.iteration) / last.seconds;
      const rows: [string, string][] = [
        ['Command', `<code>${escapeXml(session.command)}</code>`],
        ['Started', escapeXml(session.time.replace('T', ' ').replace(/\.\d+Z/, ' UTC'))],
        ['Iterations', `${session.iteration} to ${last?.iteration ?? session.iteration}`],
        [
          'Time',
          last === undefined
            ? ''
            : `${formatDuration(last.seconds)} (${Number(rate).toPrecision(3)} iterations a second)`,
        ],
        ['Data set', escapeXml(`${session.dataset}, ${session.examples} examples`)],
        ['Parameters', String(session.parameters)],
        ['Backend', escapeXml(session.backend)],
        ['Processors', escapeXml(session.processors)],
        [
          'Versions',
          escapeXml(
            Object.entries(session.software)
              .filter(([name]) => name !== 'backend')
              .map((pair) => pair.join(' '))
              .join(', '),
          ),
        ],
      ];
      return table(rows.filter(([, value]) => value !== ''));
    })
    .join('\n');
}

function notes(log: readonly LogRecord[]): string {
  const texts = log.filter((record): record is NoteRecord => record.kind === 'note');
  if (texts.length === 0) return '';
  return `<h3>What happened</h3><ul>${texts.map(({ text }) => `<li>${escapeXml(text)}</li>`).join('')}</ul>`;
}

function configTable(config: Config): string {
  return table(
    Object.entries(config).map(([field, value]) => [
      `<code>${escapeXml(field)}</code>`,
      value === null ? '–' : escapeXml(Array.isArray(value) ? value.join(', ') : String(value)),
    ]),
    'config',
  );
}

function table(rows: readonly (readonly [string, string])[], kind = ''): string {
  const cells = rows.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('');
  return `<dl class="${kind}">${cells}</dl>`;
}

const STYLE = `
:root { color-scheme: light; font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #1c2433; background: #f5f6f8; }
body { margin: 0; }
header, main { max-width: 1180px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 32px; }
h1 { font-size: 26px; margin: 0; }
header p { margin: 4px 0 0; color: #5a6475; }
section { background: #fff; border: 1px solid #e3e6eb; border-radius: 10px; padding: 20px 24px; margin: 20px 0; }
h2 { font-size: 18px; margin: 0 0 14px; }
h3 { font-size: 15px; margin: 18px 0 6px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 20px; }
svg { width: 100%; height: auto; }
figure { margin: 0; }
figure img { max-width: 100%; height: auto; display: block; border-radius: 4px; }
figure.large { text-align: center; }
figure.large img { margin: 0 auto; }
figcaption { color: #5a6475; font-size: 13px; margin-top: 6px; text-align: center; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 20px; }
.pictures.wide { grid-template-columns: repeat(auto-fill, minmax(500px, 1fr)); }
dl { margin: 0 0 16px; }
dl div { display: flex; gap: 16px; padding: 3px 0; border-bottom: 1px solid #f0f1f4; }
dt { flex: 0 0 150px; color: #5a6475; }
dd { margin: 0; overflow-wrap: anywhere; }
dl.config { columns: 2; column-gap: 40px; }
dl.config div { break-inside: avoid; }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; }
@media (max-width: 700px) { dl.config { columns: 1; } .charts { grid-template-columns: 1fr; } }
`;
