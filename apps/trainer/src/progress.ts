/** What a run reports while it goes on, and how the terminal shows it. */
import type { EvaluationRecord } from './evaluations.ts';
import type { Measurement } from './measure.ts';

/** How far a run is, after an iteration. */
export interface IterationProgress {
  readonly kind: 'iteration';
  readonly measurement: Measurement;
  readonly iterations: number;
  readonly iterationsPerSecond: number;
  readonly secondsLeft: number;
  /** Whether the time limit ends the run before its iterations do. */
  readonly limited: boolean;
  /** Resident memory of the process, bytes. */
  readonly memory: number;
  /** The latest; undefined before the first. */
  readonly evaluation?: EvaluationRecord | undefined;
}

export type Progress =
  | IterationProgress
  /** One line to tell once: the backend, the folder, a rollback, a damaged checkpoint. */
  | { readonly kind: 'note'; readonly text: string };

export type OnProgress = (progress: Progress) => void;

/** Without a terminal, seconds between lines. */
const LINE_SECONDS = 10;
/** On a terminal, seconds between changes of the line. */
const REDRAW_SECONDS = 0.1;

/** What the symbols of a line mean, said once before the first. */
export const LEGEND =
  "f(x+)−f(x−): mean f of data minus samples, near 0 when healthy; |f'|: mean gradient norm; |x|: mean |sample|; " +
  'distance: of fixed samples to data, the lower the better';

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Draws one live line on a terminal, plain lines every ten seconds elsewhere. `end` leaves the cursor on a new line. */
export function progressLine(stream: ProgressStream, now: () => number = () => performance.now() / 1000) {
  const live = stream.isTTY === true;
  let drawnAt = -Infinity;
  let shown = '';
  let latest = '';
  let explained = false;
  const show = (line: string): void => {
    shown = line;
    stream.write(live ? `\r\u001b[2K${line.slice(0, (stream.columns ?? 120) - 1)}` : `${line}\n`);
  };
  return {
    onProgress: (progress: Progress): void => {
      if (progress.kind === 'note') {
        stream.write(live && shown !== '' ? `\r\u001b[2K${progress.text}\n` : `${progress.text}\n`);
        shown = '';
        return;
      }
      if (!explained) stream.write(`${LEGEND}\n`);
      explained = true;
      latest = formatProgress(progress);
      const last = progress.measurement.iteration === progress.iterations;
      if (!last && now() - drawnAt < (live ? REDRAW_SECONDS : LINE_SECONDS)) return;
      drawnAt = now();
      show(latest);
    },
    end: (): void => {
      if (latest !== shown && latest !== '') show(latest);
      if (live && shown !== '') stream.write('\n');
      shown = latest = '';
    },
  };
}

/** `  120/2000   3.41 it/s   9:11 left   f(x+)−f(x−) +0.0123   |f'| 0.87   |x| 0.45   412 MB` */
export function formatProgress(progress: IterationProgress): string {
  const { measurement, iterations, iterationsPerSecond, secondsLeft, limited, memory, evaluation } = progress;
  const { iteration, dataValue, sampleValue, gradientNorm, sampleMagnitude } = measurement;
  const difference = dataValue - sampleValue;
  return [
    `${String(iteration).padStart(String(iterations).length)}/${iterations}`,
    `${iterationsPerSecond.toPrecision(3)} it/s`,
    `${formatDuration(secondsLeft)} ${limited ? 'to the time limit' : 'left'}`,
    `f(x+)−f(x−) ${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(4)}`,
    `|f'| ${gradientNorm.toPrecision(3)}`,
    `|x| ${sampleMagnitude.toPrecision(3)}`,
    ...(evaluation === undefined ? [] : [`distance ${evaluation.distance.toPrecision(3)}`]),
    `${Math.round(memory / 1e6)} MB`,
  ].join('   ');
}

/** `9:11`, `1:02:03`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}
