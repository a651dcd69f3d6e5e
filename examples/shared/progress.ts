/** How the examples that take minutes say how far they are. */

/** Calls `tell` with the share that is done and the seconds that are left, at most every so many seconds. */
export function progress(
  seconds: number,
  tell: (share: number, secondsLeft: number) => void,
): (share: number) => void {
  const started = performance.now();
  let last = started;
  return (share) => {
    const now = performance.now();
    if (now - last < seconds * 1000) return;
    last = now;
    tell(share, ((now - started) * (1 - share)) / share / 1000);
  };
}
