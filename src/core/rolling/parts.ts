/**
 * What some numbers come to, as a record that two runs of numbers are joined by: nothing is ever taken
 * out of one, so no error outlives the numbers that made it. Records of `width` elements, from a place on.
 */
export interface Part {
  readonly width: number;
  /** Makes the record that of one number, at that time. */
  of(values: Float64Array, place: number, number: number, time: number): void;
  /** Joins to a record, not that of no numbers, another of later numbers. */
  join(values: Float64Array, into: number, from: number): void;
  result(values: Float64Array, place: number): number;
}

// Of moments: how many, the first, the mean of the distances from it, their squared deviations.
const count = 0;
const anchor = 1;
const mean = 2;
const squares = 3;

/** The elements of moments. */
export const momentsWidth = 4;

/** Adds a number, the `size`th, to moments (Welford, 1962); all 0 are those of no numbers. */
export function addMoment(values: Float64Array, place: number, number: number, size: number): void {
  values[place + count] = size;
  if (size === 1) values[place + anchor] = number;
  const distance = number - values[place + anchor]!;
  const before = distance - values[place + mean]!;
  const after = values[place + mean]! + before / size;
  values[place + mean] = after;
  values[place + squares]! += before * (distance - after);
}

/** Joins moments to moments (Chan, Golub and LeVeque, 1979). */
export function joinMoments(values: Float64Array, into: number, from: number): void {
  const more = values[from + count]!;
  if (more === 0) return;
  const size = values[into + count]! + more;
  if (size === more) {
    values.copyWithin(into, from, from + momentsWidth);
    return;
  }
  const share = more / size;
  const apart =
    values[from + anchor]! - values[into + anchor]! + (values[from + mean]! - values[into + mean]!);
  values[into + squares]! +=
    values[from + squares]! + apart * apart * share * values[into + count]!;
  values[into + mean]! += apart * share;
  values[into + count] = size;
}

/** The standard deviation over n. */
export function deviationOf(values: Float64Array, place: number): number {
  return Math.sqrt(values[place + squares]! / values[place + count]!);
}

function momentsPart(result: Part['result']): Part {
  return {
    width: momentsWidth,
    of: (values, place, number) => {
      values.fill(0, place, place + momentsWidth);
      addMoment(values, place, number, 1);
    },
    join: joinMoments,
    result,
  };
}

function extremePart(of: (a: number, b: number) => number): Part {
  return {
    width: 1,
    of: (values, place, number) => {
      values[place] = number;
    },
    join: (values, into, from) => {
      values[into] = of(values[into]!, values[from]!);
    },
    result: (values, place) => values[place]!,
  };
}

// Of a line: how many, the first time and number, the means of the distances from them, the squared
// deviations of times and the products of both deviations.
const meanTime = 3;
const meanNumber = 4;
const squaresTime = 5;
const products = 6;

const linePart: Part = {
  width: 7,
  of: (values, place, number, time) => {
    values.fill(0, place, place + 7);
    values[place + count] = 1;
    values[place + 1] = time;
    values[place + 2] = number;
  },
  join: (values, into, from) => {
    const size = values[into + count]! + values[from + count]!;
    const share = values[from + count]! / size;
    const apart = (first: number, ofMean: number): number =>
      values[from + first]! -
      values[into + first]! +
      (values[from + ofMean]! - values[into + ofMean]!);
    const [timeApart, numberApart] = [apart(1, meanTime), apart(2, meanNumber)];
    const weight = share * values[into + count]!;
    values[into + squaresTime]! += values[from + squaresTime]! + timeApart * timeApart * weight;
    values[into + products]! += values[from + products]! + timeApart * numberApart * weight;
    values[into + meanTime]! += timeApart * share;
    values[into + meanNumber]! += numberApart * share;
    values[into + count] = size;
  },
  result: (values, place) => {
    const spread = values[place + squaresTime]!;
    return spread === 0 ? 0 : values[place + products]! / spread;
  },
};

/** The statistics of a window of time, as those of a window of rows are. */
export const parts: Readonly<Record<'mean' | 'std-dev' | 'min' | 'max' | 'slope', Part>> = {
  mean: momentsPart((values, place) => values[place + anchor]! + values[place + mean]!),
  'std-dev': momentsPart(deviationOf),
  min: extremePart(Math.min),
  max: extremePart(Math.max),
  slope: linePart,
};
