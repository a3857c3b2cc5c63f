import { none } from '../format.ts';

/** One for each time; null where there is none. */
export type Values = readonly (number | null)[];

/** One line of a chart: a value for each time, null where there is none. */
export interface Line {
  readonly label: string;
  readonly values: Values;
  /** The name of a colour in the style sheet. */
  readonly colour: string;
  /** Whether the space below it, down to the line before it, is filled: a band. */
  readonly isFilled?: boolean;
  /** Whether only its points are shown. */
  readonly isPoints?: boolean;
}

/** What was last, where that is of now: of what comes seldom nothing may have come since. */
export function lastOf(values: Values, format: (value: number) => string): string {
  const last = values.slice(-recentMax).findLast((value) => value != null);
  return last == null ? none : format(last);
}

const recentMax = 10;

/** What would be bad has no colour of its own as long as there is none of it. */
export function shownColour(colour: string, values: Values): string {
  const isIll =
    (colour !== 'bad' && colour !== 'warn') || values.some((value) => value != null && value !== 0);
  return isIll ? colour : 'faint-text';
}

/** Values with nothing on either side: no line goes through them. */
export function loneOf(values: Values): number[] {
  return values.flatMap((value, at) =>
    value != null && values[at - 1] == null && values[at + 1] == null ? [at] : [],
  );
}
