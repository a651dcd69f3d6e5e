import { expect, test } from 'vitest';
import {
  formatDuration,
  formatProgress,
  type IterationProgress,
  LEGEND,
  progressLine,
} from '../src/progress.ts';
import { speedometer } from '../src/speed.ts';

const progress = (iteration: number): IterationProgress => ({
  kind: 'iteration',
  measurement: {
    iteration,
    dataValue: 1.25,
    sampleValue: 1.5,
    gradientNorm: 0.8768,
    sampleMagnitude: 0.4567,
    learningRate: 1e-4,
    sigma: 0.03,
  },
  iterations: 2000,
  iterationsPerSecond: 3.414,
  secondsLeft: 551,
  limited: false,
  memory: 412e6,
});

function recorder(isTTY: boolean, columns = 200) {
  const written: string[] = [];
  let time = 0;
  const stream = { isTTY, columns, write: (text: string) => written.push(text) };
  const line = progressLine(stream, () => time);
  return { written, line, wait: (seconds: number) => (time += seconds) };
}

test('a line tells iteration, speed, time left, both diagnostics and memory', () => {
  expect(formatProgress(progress(120))).toBe(
    " 120/2000   3.41 it/s   9:11 left   f(x+)−f(x−) −0.2500   |f'| 0.877   |x| 0.457   412 MB",
  );
  expect(formatProgress({ ...progress(120), limited: true })).toContain('   9:11 to the time limit   ');
  expect(formatProgress({ ...progress(120), evaluation: evaluation(3.8684) })).toMatch(
    / {3}\|x\| 0\.457 {3}distance 3\.87 {3}412 MB$/,
  );
});

test('a terminal gets one line that is drawn over, notes above it', () => {
  const { written, line, wait } = recorder(true);
  line.onProgress(progress(1));
  wait(1);
  line.onProgress(progress(2));
  line.onProgress({ kind: 'note', text: 'a note' });
  line.onProgress(progress(2000));
  line.end();
  expect(
    written.map((text) =>
      text
        .replace(formatProgress(progress(1)), 'ONE')
        .replace(formatProgress(progress(2)), 'TWO')
        .replace(formatProgress(progress(2000)), 'END'),
    ),
  ).toEqual([
    `${LEGEND}\n`,
    '\r\u001b[2KONE',
    '\r\u001b[2KTWO',
    '\r\u001b[2Ka note\n',
    '\r\u001b[2KEND',
    '\n',
  ]);
});

const evaluation = (distance: number) => ({
  iteration: 100,
  distance,
  pixels: 0.5,
  spectrum: 3.3684,
  computedWith: {} as never,
});

test.each([40, 60, 80, 100, 120])(
  'a terminal of %d columns gets whole fields, with the speed and the time left among them',
  (columns) => {
    const { written, line } = recorder(true, columns);
    const shown = { ...progress(120), evaluation: evaluation(3.8684) };
    line.onProgress(shown);
    const drawn = written[1]!.replace('\r\u001b[2K', '');
    expect(drawn.length).toBeLessThan(columns);
    const all = formatProgress(shown).split('   ');
    for (const field of drawn.split('   ')) expect(all).toContain(field);
    expect(drawn).toContain('   3.41 it/s   9:11 left');
    expect(drawn.includes('distance 3.87')).toBe(columns >= 80);
  },
);

test.each([true, false])(
  'the last line has the distance of the last evaluation; on a terminal: %s',
  (isTTY) => {
    const { written, line } = recorder(isTTY);
    line.onProgress({ ...progress(2000), evaluation: evaluation(9) });
    line.onProgress({ kind: 'evaluation', evaluation: evaluation(3) });
    line.onProgress({ kind: 'note', text: 'best: iteration 2000' });
    line.end();
    const lines = written.filter((text) => text.includes('it/s'));
    expect(lines.at(-1)).toContain('distance 3.00');
    expect(lines.filter((text) => text.includes('distance 9.00'))).toHaveLength(1);
    // A file, where nothing is drawn over, has each once.
    if (!isTTY) expect(lines).toHaveLength(2);
  },
);

test('a file gets plain lines, one every ten seconds, and always the last', () => {
  const { written, line, wait } = recorder(false);
  for (let iteration = 1; iteration <= 25; iteration++) {
    line.onProgress(progress(iteration));
    wait(1);
  }
  line.end();
  expect(written).toEqual([
    `${LEGEND}\n`,
    ...[1, 11, 21, 25].map((iteration) => `${formatProgress(progress(iteration))}\n`),
  ]);
});

test('durations read as clocks do', () => {
  expect([0, 59.6, 551, 3723, NaN].map(formatDuration)).toEqual(['0:00', '1:00', '9:11', '1:02:03', '?']);
});

test('the speed is that of late iterations: 10 a second for a minute after 1 a second for a minute', () => {
  const speed = speedometer();
  for (let i = 0; i < 60; i++) speed.record(1);
  expect(speed.iterationsPerSecond()).toBeCloseTo(1, 6);
  for (let i = 0; i < 600; i++) speed.record(0.1);
  expect(speed.iterationsPerSecond()).toBeGreaterThan(8.5);
  expect(speed.iterationsPerSecond()).toBeLessThan(10);
});
