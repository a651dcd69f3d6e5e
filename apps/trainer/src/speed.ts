/** How fast iterations go, over the last half minute or so. */

const HALF_LIFE_SECONDS = 15;

/** An exponential average over time; iterations of any length weigh by how long they took. */
export function speedometer() {
  let weightedIterations = 0;
  let weightedSeconds = 0;
  return {
    record: (seconds: number): void => {
      const fade = 0.5 ** (seconds / HALF_LIFE_SECONDS);
      weightedIterations = weightedIterations * fade + 1;
      weightedSeconds = weightedSeconds * fade + seconds;
    },
    iterationsPerSecond: (): number => (weightedSeconds > 0 ? weightedIterations / weightedSeconds : 0),
  };
}
