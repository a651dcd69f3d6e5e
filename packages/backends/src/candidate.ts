/** What each backend tells selectBackend(): how to start it here, or why that is impossible. */

import * as tf from '@tensorflow/tfjs-core';

export interface Candidate {
  /** The package or the backend as a user knows it: `native`, `tfjs-node`. */
  readonly name: string;
  /** Loads and registers the backend and makes it the active one of tfjs. Never throws for what it lacks. */
  start(options: StartOptions): Promise<Started | Missing>;
}

export const precisions = ['auto', 'float32', 'bfloat16'] as const;

export type Precision = (typeof precisions)[number];

export interface StartOptions {
  /** Folder with a build of tfjs-node or tfjs-node-gpu. */
  readonly tfjsNode?: string | undefined;
  /** Of the native backend's short runs. */
  readonly precision?: Precision | undefined;
  /** Of the native backend. */
  readonly threads?: number | undefined;
}

/** The backend is active. */
export interface Started {
  /** The name tfjs knows it by, `tf.getBackend()`. */
  readonly backend: string;
  /** For people: `native (float32, AVX2, 2 threads)`. */
  readonly label: string;
}

/** The backend cannot run here. */
export interface Missing {
  /** A few words, as in "not tfjs-node: not installed". */
  readonly why: string;
  /** A sentence that says what to do about it. */
  readonly remedy: string;
}

/**
 * Runs `start` without tfjs's own console notes. tfjs-node brings a second copy of tfjs, which registers what the first
 * one has registered already, and says so a hundred times; the cpu backend advertises tfjs-node.
 */
export async function quietly<T>(start: () => Promise<T>): Promise<T> {
  const before = tf.env().getBool('PROD');
  tf.env().set('PROD', true);
  try {
    return await start();
  } finally {
    tf.env().set('PROD', before);
  }
}

/** The name of the package that an import did not find. */
export function absentPackage(thrown: unknown): string | undefined {
  return /Cannot find (?:package|module) '(@?\w[^']*)'/.exec(messageOf(thrown))?.[1];
}

/** What went wrong, in a few words. */
export function reasonOf(thrown: unknown): string {
  const absent = absentPackage(thrown);
  if (absent !== undefined) return `${absent} is not installed`;
  const [firstLine = ''] = messageOf(thrown).split('\n');
  return firstLine.trim().replace(/\.$/, '');
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
