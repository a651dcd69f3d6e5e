/** How far a long computation is, at what rate, and how long it will take yet, on one line. */

/** Where text goes: process.stderr, or a test's list of lines. */
export interface TextOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface Progress {
  /** Tells that `done` units are done; a fraction of one counts. The first call starts the clock. */
  at(done: number): void;
  end(): void;
}

/** A terminal's line is drawn anew this often; a log gets a line this often. */
const TERMINAL_INTERVAL_MS = 200;
const LOG_INTERVAL_MS = 10_000;
const CLEAR_LINE = '\r\u001b[K';

/** Reports on `total` units called `noun`. */
export function progress(output: TextOutput, noun: string, total: number): Progress {
  const interval = output.isTTY ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS;
  let begin: { readonly time: number; readonly done: number } | undefined;
  let last = 0;
  let drawn = false;
  return {
    at: (done) => {
      const now = performance.now();
      if (begin === undefined) {
        begin = { time: now, done };
        last = now;
      }
      if (now - last < interval || done === begin.done) return;
      last = now;
      drawn = true;
      const rate = (done - begin.done) / ((now - begin.time) / 1000);
      const left = duration((total - done) / rate);
      const line = `${Math.floor(done)} of ${total} ${noun}, ${Number(rate.toPrecision(3))} a second, ${left} left`;
      output.write(output.isTTY ? CLEAR_LINE + line : `${line}\n`);
    },
    end: () => {
      if (drawn && output.isTTY) output.write(CLEAR_LINE);
    },
  };
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.ceil(whole / 60)} min`;
  return `${Math.floor(whole / 3600)} h ${Math.ceil((whole % 3600) / 60)} min`;
}
