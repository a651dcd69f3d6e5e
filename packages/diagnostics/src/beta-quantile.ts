/** The quantile of the beta distribution, from which the error of a quantile follows. */

/** x with I_x(a, b) = p, by bisection to the last bit of a double. */
export function betaQuantile(p: number, a: number, b: number): number {
  let low = 0;
  let high = 1;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (incompleteBeta(middle, a, b) < p) low = middle;
    else high = middle;
  }
}

/** I_x(a, b), the distribution function, by its continued fraction (DLMF 8.17.22). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  // The fraction converges fast below the mean; above it the other tail is computed.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(
    a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b) - Math.log(a),
  );
  return (
    front /
    continuedFraction((i) => {
      const k = Math.floor(i / 2);
      const above = i % 2 === 0 ? k * (b - k) : -(a + k) * (a + b + k);
      return (above * x) / ((a + i - 1) * (a + i));
    })
  );
}

/** Relative accuracy at which a continued fraction has converged. */
const CONVERGED = 1e-15;
/** Stands for 0 in a denominator, as Lentz has it. */
const TINY = 1e-300;

/** 1 + c₁ / (1 + c₂ / (1 + ...)) by Lentz's algorithm (1976). */
function continuedFraction(coefficient: (i: number) => number): number {
  let above = 1;
  let below = 0;
  let fraction = 1;
  for (let i = 1; ; i++) {
    const c = coefficient(i);
    below = 1 / (1 + c * below || TINY);
    above = 1 + c / above || TINY;
    fraction *= above * below;
    if (Math.abs(above * below - 1) < CONVERGED) return fraction;
  }
}

/** Lanczos' approximation with g = 7 and 9 terms (Godfrey's coefficients), to about 15 digits for x > 0. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

function logGamma(x: number): number {
  const series = LANCZOS.reduce((sum, c, i) => (i === 0 ? c : sum + c / (x - 1 + i)), 0);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(series);
}
