/** Suggesting what a misspelt name was meant to be. */

/** Names further away than this share of their length are no suggestion. */
const TOLERANCE = 0.4;

/** `say(name)` for the candidate nearest to `name`, or an empty text where none is near. */
export function nearest(name: string, candidates: readonly string[], say: (name: string) => string): string {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= TOLERANCE * name.length ? say(best.candidate) : '';
}

/** Levenshtein's distance: insertions, deletions and substitutions. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
