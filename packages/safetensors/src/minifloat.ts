/**
 * Floating-point formats of 8 and 16 bits, to and from 32-bit floats.
 *
 * A number is (-1)^s 2^(max(e, 1) - bias) (h + m / 2^M), with M mantissa bits m, exponent bits e, and h = 0 if e = 0
 * and 1 otherwise. Formats differ in what the largest codes mean (IEEE 754; Micikevicius et al. 2022,
 * arXiv:2209.05433; Noune et al. 2022, arXiv:2206.02915; OCP Microscaling Formats 1.0).
 */

interface Layout {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /**
   * Which codes are not finite numbers. `ieee`: the largest exponent is infinity and NaN. `fn`: all ones is NaN, no
   * infinity. `fnuz`: what would be -0 is NaN, no infinity.
   */
  readonly nonFinite: 'ieee' | 'fn' | 'fnuz';
}

const LAYOUTS = {
  F16: { exponentBits: 5, mantissaBits: 10, bias: 15, nonFinite: 'ieee' },
  BF16: { exponentBits: 8, mantissaBits: 7, bias: 127, nonFinite: 'ieee' },
  F8_E5M2: { exponentBits: 5, mantissaBits: 2, bias: 15, nonFinite: 'ieee' },
  F8_E4M3: { exponentBits: 4, mantissaBits: 3, bias: 7, nonFinite: 'fn' },
  F8_E5M2FNUZ: { exponentBits: 5, mantissaBits: 2, bias: 16, nonFinite: 'fnuz' },
  F8_E4M3FNUZ: { exponentBits: 4, mantissaBits: 3, bias: 8, nonFinite: 'fnuz' },
} as const satisfies Record<string, Layout>;

/** A small float with a sign: the ones that numbers can be rounded to. */
export type Minifloat = keyof typeof LAYOUTS;

export function isMinifloat(dtype: string): dtype is Minifloat {
  return Object.hasOwn(LAYOUTS, dtype);
}

/** The values of the codes `codes`. Every value is exact. */
export function decodeMinifloats(format: Minifloat, codes: Uint8Array | Uint16Array): Float32Array {
  const table = valuesOf(format);
  const values = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) values[i] = table[codes[i]!]!;
  return values;
}

/** The codes nearest to `values`, ties to even, written to `codes`. Overflow gives infinity, or NaN where there is none. */
export function encodeMinifloats(
  format: Minifloat,
  values: Float32Array,
  codes: Uint8Array | Uint16Array,
): void {
  const layout: Layout = LAYOUTS[format];
  const { mantissaBits, bias } = layout;
  const { largest, nan } = boundaryCodes(layout);
  const negativeZeroIsNaN = layout.nonFinite === 'fnuz';
  const sign = signBit(layout);
  const smallestExponent = 1 - bias;
  const scales = Float64Array.from(
    { length: 128 - smallestExponent + 1 },
    (_, above) => 2 ** (mantissaBits - smallestExponent - above),
  );
  const floatBits = new Uint32Array(values.buffer, values.byteOffset, values.length);

  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const bits = floatBits[i]!;
    if (Number.isNaN(value)) {
      codes[i] = nan;
      continue;
    }
    // How far the exponent in the float's own bits is above the format's smallest, below which the step stays the same.
    const above = Math.max(((bits >>> 23) & 0xff) - 127 - smallestExponent, 0);
    const mantissa = roundHalfToEven(Math.abs(value) * scales[above]!);
    // The hidden bit of the mantissa adds one to the exponent field, and so does rounding up to a power of two.
    const code = Math.min((above << mantissaBits) + mantissa, largest + 1);
    const negative = bits >>> 31 === 1 && !(negativeZeroIsNaN && code === 0);
    codes[i] = negative ? code | sign : code;
  }
}

/** The values of F8_E8M0, the scales of the microscaling formats: 2^(code - 127), and NaN for 255. */
export function decodeScales(codes: Uint8Array): Float32Array {
  return Float32Array.from(codes, (code) => (code === 0xff ? NaN : 2 ** (code - 127)));
}

function signBit({ exponentBits, mantissaBits }: Layout): number {
  return 1 << (exponentBits + mantissaBits);
}

/** The largest finite positive code, whose successor is what overflow becomes (infinity or NaN), and a code of NaN. */
function boundaryCodes(layout: Layout): { largest: number; nan: number } {
  const allOnes = signBit(layout) - 1;
  switch (layout.nonFinite) {
    case 'ieee': {
      const infinity = allOnes - (2 ** layout.mantissaBits - 1);
      return { largest: infinity - 1, nan: infinity + 2 ** (layout.mantissaBits - 1) };
    }
    case 'fn':
      return { largest: allOnes - 1, nan: allOnes };
    case 'fnuz':
      return { largest: allOnes, nan: allOnes + 1 };
  }
}

const tables = new Map<Minifloat, Float32Array>();

/** The value of every code, computed once per format. */
function valuesOf(format: Minifloat): Float32Array {
  let table = tables.get(format);
  if (!table) {
    const layout: Layout = LAYOUTS[format];
    table = Float32Array.from({ length: 2 ** (1 + layout.exponentBits + layout.mantissaBits) }, (_, code) =>
      valueOf(layout, code),
    );
    tables.set(format, table);
  }
  return table;
}

function valueOf(layout: Layout, code: number): number {
  const { mantissaBits, bias, nonFinite } = layout;
  const negative = code >= signBit(layout);
  const magnitude = code % signBit(layout);
  const sign = negative ? -1 : 1;
  const { largest } = boundaryCodes(layout);
  if (nonFinite === 'ieee' && magnitude === largest + 1) return sign * Infinity;
  if (magnitude > largest || (nonFinite === 'fnuz' && negative && magnitude === 0)) return NaN;
  const exponent = magnitude >> mantissaBits;
  const hidden = exponent === 0 ? 0 : 1;
  const fraction = (magnitude % 2 ** mantissaBits) / 2 ** mantissaBits;
  return sign * (hidden + fraction) * 2 ** (Math.max(exponent, 1) - bias);
}

function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
