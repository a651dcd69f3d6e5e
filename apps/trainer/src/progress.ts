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
  /** The evaluation after the last iteration, which that iteration's own progress comes too early for. */
  | { readonly kind: 'evaluation'; readonly evaluation: EvaluationRecord }
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
  let told: IterationProgress | undefined;
  let explained = false;
  const format = (progress: IterationProgress): string =>
    formatProgress(progress, live ? (stream.columns ?? 120) - 1 : Infinity);
  const show = (line: string): void => {
    shown = line;
    stream.write(live ? `\r\u001b[2K${line}` : `${line}\n`);
  };
  return {
    onProgress: (progress: Progress): void => {
      if (progress.kind === 'note') {
        stream.write(live && shown !== '' ? `\r\u001b[2K${progress.text}\n` : `${progress.text}\n`);
        // On a terminal it is drawn over; elsewhere the line before it stays.
        if (live) shown = '';
        return;
      }
      if (progress.kind === 'evaluation') {
        if (told === undefined) return;
        latest = format({ ...told, evaluation: progress.evaluation });
        if (latest !== shown) show(latest);
        return;
      }
      if (!explained) stream.write(`${LEGEND}\n`);
      explained = true;
      told = progress;
      latest = format(progress);
      const last = progress.measurement.iteration === progress.iterations;
      if (!last && now() - drawnAt < (live ? REDRAW_SECONDS : LINE_SECONDS)) return;
      drawnAt = now();
      show(latest);
    },
    end: (): void => {
      if (latest !== shown && latest !== '') show(latest);
      if (live && shown !== '') stream.write('\n');
      shown = latest = '';
      told = undefined;
    },
  };
}

/**
 * `  120/2000   3.41 it/s   9:11 left   f(x+)−f(x−) +0.0123   |f'| 0.87   |x| 0.45   412 MB`, without the fields that
 * matter least where that is wider than `width`: how far the run is stays, cut only where nothing else is left.
 */
export function formatProgress(progress: IterationProgress, width = Infinity): string {
  const { measurement, iterations, iterationsPerSecond, secondsLeft, limited, memory, evaluation } = progress;
  const { iteration, dataValue, sampleValue, gradientNorm, sampleMagnitude } = measurement;
  const difference = dataValue - sampleValue;
  // The lower the rank, the longer a field stays.
  const fields: (readonly [rank: number, text: string])[] = [
    [0, `${String(iteration).padStart(String(iterations).length)}/${iterations}`],
    [0, `${iterationsPerSecond.toPrecision(3)} it/s`],
    [0, `${formatDuration(secondsLeft)} ${limited ? 'to the time limit' : 'left'}`],
    [1, `f(x+)−f(x−) ${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(4)}`],
    [3, `|f'| ${gradientNorm.toPrecision(3)}`],
    [4, `|x| ${sampleMagnitude.toPrecision(3)}`],
    [5, `${Math.round(memory / 1e6)} MB`],
  ];
  if (evaluation !== undefined) fields.splice(-1, 0, [2, `distance ${evaluation.distance.toPrecision(3)}`]);
  const lineOf = (highest: number): string =>
    fields.flatMap(([rank, text]) => (rank <= highest ? [text] : [])).join('   ');
  let highest = Math.max(...fields.map(([rank]) => rank));
  while (highest > 0 && lineOf(highest).length > width) highest--;
  return lineOf(highest).slice(0, width);
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
