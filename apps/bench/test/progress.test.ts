import { expect, it } from 'vitest';
import { progress } from '../src/progress.ts';

it('tells rate and time left: on one line in a terminal, which it clears at the end', () => {
  const written: string[] = [];
  let time = 0;
  const output = { write: (text: string) => written.push(text), isTTY: true, columns: 200 };
  const line = progress(output, 100, () => time);
  time = 2;
  line.advance(10, 'langevin-step');
  time = 2.05;
  line.advance(1, 'langevin-step');
  line.end();
  expect(written).toEqual([
    '\r\u001b[K10 of 100 samples, 5.0 a second, 0:18 left, langevin-step',
    '\r\u001b[K',
  ]);
});

it('writes to a log at the first sample, and then every 10 s', () => {
  const written: string[] = [];
  let time = 0;
  const line = progress({ write: (text) => written.push(text) }, 40_000, () => time);
  for (time = 1; time <= 25; time++) line.advance(10, 'x');
  line.end();
  expect(written).toEqual([
    '10 of 40000 samples, 10 a second, 1:06:39 left, x\n',
    '110 of 40000 samples, 10 a second, 1:06:29 left, x\n',
    '210 of 40000 samples, 10 a second, 1:06:19 left, x\n',
  ]);
});
