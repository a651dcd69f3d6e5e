import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { progress } from '../src/progress.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => vi.useRealTimers());

it('tells rate and time left: on one line in a terminal, which it clears at the end', () => {
  const written: string[] = [];
  const line = progress({ write: (text) => written.push(text), isTTY: true }, 'samples', 100);
  // What went before the first sample, such as reading data, is not counted.
  vi.advanceTimersByTime(60_000);
  line.at(0);
  vi.advanceTimersByTime(2000);
  line.at(10);
  vi.advanceTimersByTime(50);
  line.at(11);
  line.end();
  expect(written).toEqual(['\r\u001b[K10 of 100 samples, 5 a second, 18 s left', '\r\u001b[K']);
});

it('writes to a log every 10 s, and nothing for what takes less', () => {
  const written: string[] = [];
  const line = progress({ write: (text) => written.push(text) }, 'samples', 10_000);
  for (let second = 0; second <= 25; second++) {
    line.at(second);
    vi.advanceTimersByTime(1000);
  }
  line.end();
  expect(written).toEqual([
    '10 of 10000 samples, 1 a second, 2 h 47 min left\n',
    '20 of 10000 samples, 1 a second, 2 h 47 min left\n',
  ]);
});
