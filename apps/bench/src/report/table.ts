/** The results as tables: for a terminal, and in Markdown for documentation. */
import { groupRows, type Results, type Row, summary } from '../results.ts';
import { digits, duration, megabytes, percent } from './format.ts';

const FIRST_LETTER = 'a'.charCodeAt(0);

interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A table a case, and a line of where it was measured. */
export function textTable(results: Results): string {
  const tables = tablesOf(results.rows).map(({ title, head, rows }) => {
    const lines = [head, ...rows];
    const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
    const aligned = lines.map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
        .join('  ')
        .trimEnd(),
    );
    return [title, ...aligned.map((line) => `  ${line}`)].join('\n');
  });
  return [placeOf(results), ...tables, ...leftOutLines(results)].join('\n\n') + '\n';
}

/** The same in Markdown, to be pasted under a heading. */
export function markdownTable(results: Results): string {
  const tables = tablesOf(results.rows).map(({ title, head, rows }) => {
    const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
    const rule = head.map((_, column) => (column === 0 ? '---' : '--:'));
    return [`**${title}**`, '', line(head), line(rule), ...rows.map(line)].join('\n');
  });
  return [placeOf(results), ...tables].join('\n\n') + '\n';
}

/** `AMD EPYC, 2 cores, Linux 6.1; node v20.11.1; 4e5d1c2; 2026-11-24; load 0.05`. */
function placeOf({ environment, sampleSeconds, rows }: Results): string {
  const { cpu, cores, os, node, versions, commit, date, load } = environment;
  const others = Object.entries(versions).filter(([name]) => name !== 'node');
  const samples = Math.max(0, ...rows.map(({ seconds }) => seconds.length));
  return (
    [
      `${cpu}, ${cores} core${cores === 1 ? '' : 's'}, ${os}`,
      [`node ${node.slice(1)}`, ...others.map(([name, version]) => `${name} ${version}`)].join(', '),
      ...(commit === null ? [] : [`commit ${commit}`]),
      `${date.slice(0, 10)}, load average ${load.toFixed(2)}`,
    ].join('; ') +
    `. Medians of ${samples} samples of at least ${sampleSeconds} s, the engines taking turns; spread is the interquartile range.`
  );
}

/** A peer gets a letter, and its column says how many times as long as the row's engine it takes. */
function tablesOf(all: readonly Row[]): Table[] {
  return groupRows(all).map(({ key, rows }) => {
    const peers = rows
      .filter(({ kind }) => kind === 'peer')
      .map((row, i) => ({
        row,
        letter: String.fromCharCode(FIRST_LETTER + i),
        seconds: summary(row).seconds,
      }));
    const hasErrors = rows.some(({ relativeError }) => relativeError !== null);
    return {
      title: key + peakText(rows),
      head: [
        'engine',
        `time / ${rows[0]!.unit}`,
        'spread',
        'GFLOPS',
        'of peak',
        ...peers.map(({ letter }) => `× ${letter}`),
        ...(hasErrors ? ['error'] : []),
        'memory',
      ],
      rows: rows.map((row) => {
        const { seconds, spread, gflops, fraction } = summary(row);
        const letter = peers.find((peer) => peer.row === row)?.letter;
        return [
          letter === undefined ? row.engine : `${row.engine} (${letter})`,
          duration(seconds),
          percent(spread),
          digits(gflops),
          fraction === null ? '–' : percent(fraction.median),
          ...peers.map((peer) => digits(peer.seconds / seconds)),
          ...(hasErrors
            ? [row.relativeError === null ? 'reference' : row.relativeError.toExponential(0)]
            : []),
          megabytes(row.peakBytes),
        ];
      }),
    };
  });
}

/** `; peak 223 GFLOPS`, and that of bfloat16 where a row is held against it. */
function peakText(rows: readonly Row[]): string {
  const precisions = [...new Set(rows.map(({ peakPrecision }) => peakPrecision))];
  const texts = precisions.flatMap((precision) => {
    const peaks = rows.filter((row) => row.peakPrecision === precision).flatMap((row) => row.peaks ?? []);
    if (peaks.length === 0) return [];
    const highest = digits(peaks.reduce((a, b) => Math.max(a, b)));
    return [`${precision} peak ${highest} GFLOPS`];
  });
  return texts.length === 0 ? '' : `; ${texts.join(', ')}`;
}

/** What could not be measured, each reason once. */
function leftOutLines({ leftOut }: Results): string[] {
  const reasons = new Map<string, { engine: string; why: string; cases: string[] }>();
  for (const { engine, case: one, why } of leftOut) {
    const key = `${engine}: ${why.replace(/about \d+ s/, '')}`;
    const entry = reasons.get(key) ?? { engine, why, cases: [] };
    if (one !== null) entry.cases.push(one);
    reasons.set(key, entry);
  }
  if (reasons.size === 0) return [];
  const lines = [...reasons.values()].map(({ engine, why, cases }) => {
    const where =
      cases.length === 0 ? '' : cases.length === 1 ? ` (${cases[0]})` : ` (${cases.length} cases)`;
    return `  ${engine}${where}: ${why}`;
  });
  return [['left out', ...lines].join('\n')];
}
