import fc from 'fast-check';

/** Float64s of all sizes, and those that are hard to write or to read. */
export const double: fc.Arbitrary<number> = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: -1000, max: 1000, noNaN: true }),
  fc
    .tuple(fc.double({ min: 1, max: 10, noNaN: true }), fc.integer({ min: -8, max: 18 }))
    .map(([m, p]) => m * 10 ** p),
  fc
    .tuple(fc.double({ min: 1, max: 10, noNaN: true }), fc.integer({ min: 1, max: 17 }))
    .map(([m, p]) => Number(m.toPrecision(p))),
  // Halves between 2^51 and 2^53, and the neighbours of powers of two.
  fc.integer({ min: 2 ** 51, max: 2 ** 52 }).map((n) => n + 0.5),
  fc
    .tuple(fc.integer({ min: -1022, max: 1023 }), fc.constantFrom(-1, 0, 1))
    .map(([p, ulps]) => 2 ** p * (1 + ulps * Number.EPSILON)),
);

export const hardDoubles: readonly number[] = [
  0,
  -0,
  5e-324,
  -5e-324,
  2.225073858507201e-308,
  2.2250738585072014e-308,
  1e-291,
  1e-291,
  1.7976931348623157e308,
  0.1 + 0.2,
  4.35,
  1e15,
  999999999999999.9,
  1e-5,
  1e-6,
  1e-7,
  0.000001,
  9.999999999999999e-6,
  9_999_999.999999,
  123456.7890123456,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 60,
  1e20,
  1e21,
  1e22,
  1e23,
  9.5367431640625e-7,
  0.000244140625,
  1.005,
  8.5,
  1024.0009765625,
  // Exactly between two decimals of the same length.
  4503599627370495.5,
  2251799813685247.25,
  1125899906842623.125,
  // Hard for those who read: close to the middle between two doubles.
  6.63123685e-316,
  3.23786e-319,
  8.41e21,
  9.97920155e-316,
  2.0522684006491867e285,
];

/** The text of a float64 as our encoders have it: an integer beyond 2^53 has an exponent. */
export function textOf(value: number): string {
  if (Object.is(value, -0)) return '-0';
  return Math.abs(value) > 2 ** 53 ? value.toExponential() : String(value);
}
