/** matplotlib's viridis: colours whose lightness grows evenly, so that they read in grey and in any colour vision. */

/** Anchors for fractions 0, 1/8, ..., 1, as sRGB bytes. */
const ANCHORS = [
  [68, 1, 84],
  [71, 45, 123],
  [59, 82, 139],
  [44, 114, 142],
  [33, 145, 140],
  [40, 174, 128],
  [94, 201, 98],
  [173, 220, 48],
  [253, 231, 37],
] as const;

/** The colour of a fraction, which is clipped to [0, 1]. */
export function colourAt(fraction: number): [red: number, green: number, blue: number] {
  const place = Math.min(Math.max(fraction, 0), 1) * (ANCHORS.length - 1);
  const anchor = Math.min(Math.floor(place), ANCHORS.length - 2);
  const weight = place - anchor;
  const mix = (channel: 0 | 1 | 2): number =>
    Math.round((1 - weight) * ANCHORS[anchor]![channel] + weight * ANCHORS[anchor + 1]![channel]);
  return [mix(0), mix(1), mix(2)];
}
