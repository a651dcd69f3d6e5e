/** The discrete Fourier transform of any length: split in halves while the length is even, summed directly after that. */

/** A transform of `length` complex numbers, X_k = Σ_j x_j exp(−2πi jk / length). */
export class FourierTransform {
  readonly length: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #re: Float64Array;
  readonly #im: Float64Array;

  constructor(length: number) {
    this.length = length;
    const angle = (j: number): number => (-2 * Math.PI * j) / length;
    this.#cos = Float64Array.from({ length }, (_, j) => Math.cos(angle(j)));
    this.#sin = Float64Array.from({ length }, (_, j) => Math.sin(angle(j)));
    this.#re = new Float64Array(length);
    this.#im = new Float64Array(length);
  }

  /** Replaces the elements offset, offset + stride, ... of (re, im) by their transform. */
  transform(re: Float64Array, im: Float64Array, offset: number, stride: number): void {
    this.#recurse(re, im, offset, stride, this.length, 0);
    for (let k = 0; k < this.length; k++) {
      re[offset + k * stride] = this.#re[k]!;
      im[offset + k * stride] = this.#im[k]!;
    }
  }

  /** Writes the transform of `n` strided inputs to the scratch arrays at `out`. */
  #recurse(re: Float64Array, im: Float64Array, offset: number, stride: number, n: number, out: number): void {
    const step = this.length / n;
    if (n % 2 === 1) {
      this.#direct(re, im, offset, stride, n, out);
      return;
    }
    const half = n / 2;
    this.#recurse(re, im, offset, 2 * stride, half, out);
    this.#recurse(re, im, offset + stride, 2 * stride, half, out + half);
    for (let k = 0; k < half; k++) {
      const cos = this.#cos[k * step]!;
      const sin = this.#sin[k * step]!;
      const oddRe = this.#re[out + half + k]!;
      const oddIm = this.#im[out + half + k]!;
      const turnedRe = cos * oddRe - sin * oddIm;
      const turnedIm = cos * oddIm + sin * oddRe;
      const evenRe = this.#re[out + k]!;
      const evenIm = this.#im[out + k]!;
      this.#re[out + k] = evenRe + turnedRe;
      this.#im[out + k] = evenIm + turnedIm;
      this.#re[out + half + k] = evenRe - turnedRe;
      this.#im[out + half + k] = evenIm - turnedIm;
    }
  }

  #direct(re: Float64Array, im: Float64Array, offset: number, stride: number, n: number, out: number): void {
    const step = this.length / n;
    for (let k = 0; k < n; k++) {
      let sumRe = 0;
      let sumIm = 0;
      for (let j = 0; j < n; j++) {
        const turn = ((j * k) % n) * step;
        const xRe = re[offset + j * stride]!;
        const xIm = im[offset + j * stride]!;
        sumRe += xRe * this.#cos[turn]! - xIm * this.#sin[turn]!;
        sumIm += xRe * this.#sin[turn]! + xIm * this.#cos[turn]!;
      }
      this.#re[out + k] = sumRe;
      this.#im[out + k] = sumIm;
    }
  }
}
