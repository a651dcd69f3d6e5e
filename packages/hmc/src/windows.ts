/** When a warm-up adapts what: Stan's schedule (Stan reference manual, "HMC algorithm parameters"). */

/** Stan's lengths of the first interval, of the first window and of the last interval, for a long warm-up. */
const INITIAL = 75;
const FIRST_WINDOW = 25;
const TERMINAL = 50;
/** A shorter warm-up adapts no mass. */
const SHORTEST = 20;

export interface AdaptationWindows {
  /** The first step whose positions count towards the mass. */
  readonly from: number;
  /** The mass is set after this many steps, and estimated anew from there; increasing, empty for a short warm-up. */
  readonly ends: readonly number[];
}

/** An interval for the step size alone, windows of doubling length for the mass, and one more interval. */
export function adaptationWindows(steps: number): AdaptationWindows {
  if (steps < SHORTEST) return { from: steps, ends: [] };
  const long = INITIAL + FIRST_WINDOW + TERMINAL <= steps;
  // Where Stan's intervals do not fit, it takes these parts of what there is.
  const from = long ? INITIAL : Math.floor(0.15 * steps);
  const last = steps - (long ? TERMINAL : Math.floor(0.1 * steps));
  const ends: number[] = [];
  let length = long ? FIRST_WINDOW : last - from;
  for (let end = from + length; ; end += length) {
    // A window that the next one, twice as long, would not follow in full reaches to the last.
    const final = end + 2 * length > last;
    ends.push(final ? last : end);
    if (final) return { from, ends };
    length *= 2;
  }
}
