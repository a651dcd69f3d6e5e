/** log.jsonl: what depends on the clock and the machine, one record a line; the report reads it. */

/** A process began, or went on with, the run. */
export interface SessionRecord {
  readonly kind: 'session';
  readonly time: string;
  readonly iteration: number;
  readonly command: string;
  readonly backend: string;
  readonly dataset: string;
  readonly examples: number;
  readonly parameters: number;
  readonly software: Readonly<Record<string, string>>;
  readonly processors: string;
}

/** How far the session is after so many seconds of it. */
export interface SpeedRecord {
  readonly kind: 'speed';
  readonly iteration: number;
  readonly seconds: number;
  /** Resident memory, bytes. */
  readonly memory: number;
}

export interface NoteRecord {
  readonly kind: 'note';
  readonly time: string;
  readonly iteration: number;
  readonly text: string;
}

export type LogRecord = SessionRecord | SpeedRecord | NoteRecord;
