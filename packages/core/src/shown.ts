/** A value as messages show it, a text in quotes: '1' is not 1. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
