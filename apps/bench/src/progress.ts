/** How far the measurement is, at what rate, and how long it will take yet, on one line. */

/** Where text goes: process.stderr, or a test's list of lines. */
export interface TextOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Progress {
  /** `count` more samples need not be waited for. */
  advance(count: number, title: string): void;
  end(): void;
}

/** A terminal's line is drawn anew this often; a log gets a line this often. */
const TERMINAL_SECONDS = 0.2;
const LOG_SECONDS = 10;
const CLEAR_LINE = '\r\u001b[K';

/** Reports on `total` samples. */
export function progress(
  output: TextOutput,
  total: number,
  now: () => number = () => performance.now() / 1000,
): Progress {
  const interval = output.isTTY ? TERMINAL_SECONDS : LOG_SECONDS;
  const begin = now();
  let last = begin;
  let done = 0;
  let drawn = false;
  return {
    advance: (count, title) => {
      done += count;
      const time = now();
      if (drawn && time - last < interval) return;
      last = time;
      drawn = true;
      const rate = done / (time - begin);
      const line = `${done} of ${total} samples, ${rate.toPrecision(2)} a second, ${clock((total - done) / rate)} left, ${title}`;
      output.write(output.isTTY ? CLEAR_LINE + line.slice(0, (output.columns ?? 120) - 1) : `${line}\n`);
    },
    end: () => {
      if (drawn && output.isTTY) output.write(CLEAR_LINE);
    },
  };
}

/** `9:11`, `1:02:03`. */
function clock(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}
