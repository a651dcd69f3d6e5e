/** A backend choice in words. */

import type { BackendChoice } from './select.ts';

/**
 * The line to print once at start: `backend: wasm (SIMD, 1 thread); not native: not installed; ...`, and where
 * a slow one was fallen back to, a second line that says what to install.
 */
export function describeBackend({ label, skipped, advice }: BackendChoice): string {
  const line = [`backend: ${label}`, ...skipped.map(({ name, why }) => `not ${name}: ${why}`)].join('; ');
  return advice === undefined ? line : `${line}\n${advice}`;
}
