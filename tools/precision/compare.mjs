// Whether two ways of learning end with the same samples: a Markdown table of the statistics that `evaluate moments --json`
// printed for runs of either, held against their spread over seeds.
//
//   node tools/precision/compare.mjs bfloat16 b1.json b2.json b3.json -- float32 f1.json f2.json f3.json
//
// The files of either side stand in the order of the same seeds. One side may be of its first seeds alone: the means and
// the differences are of those that both have, the spread of all.
import { readFileSync } from 'node:fs';

const [first, second] = sides(process.argv.slice(2));
const rows = first.runs[0].map(({ name }, i) => {
  const [a, b] = [first, second].map(({ runs }) => runs.map((statistics) => statistics[i].samples.value));
  const shared = a.slice(0, b.length).map((value, seed) => [value, b[seed]]);
  const apart = Math.max(...shared.map(([one, other]) => Math.abs(one - other)));
  const spread = Math.max(...[a, b].filter(({ length }) => length > 1).map(deviation));
  const means = [0, 1].map((side) => mean(shared.map((pair) => pair[side])));
  return [name, ...[...means, spread, apart].map((value) => value.toFixed(4)), (apart / spread).toFixed(2)];
});
const seeds = [...new Set([first.runs.length, second.runs.length])].join(' and ');
const head = [
  `${seeds} seeds`,
  first.name,
  second.name,
  'deviation over seeds',
  'most of one seed apart',
  'ratio',
];
for (const cells of [head, head.map(() => '---'), ...rows]) console.log(`| ${cells.join(' | ')} |`);

function sides(words) {
  const middle = words.indexOf('--');
  const both = [words.slice(0, middle), words.slice(middle + 1)];
  if (middle < 0 || both.some(({ length }) => length < 2) || both.every(({ length }) => length < 3)) {
    console.error(
      'usage: compare.mjs NAME FILE FILE... -- NAME FILE..., files of at least two seeds on one side',
    );
    process.exit(2);
  }
  return both.map(([name, ...files]) => ({
    name,
    runs: files.map((file) => JSON.parse(readFileSync(file, 'utf8')).statistics),
  }));
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values) {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}
