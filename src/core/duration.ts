import type * as zod from 'zod';

import type { Zod } from './component.ts';
import { shownValue } from './option-message.ts';

const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A length of time as it is written: `500ms`, `30s`, `5m`, `1h`, `7d`. */
export type Duration = `${number}${keyof typeof unitsMs}`;

const pattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** So many milliseconds; undefined where it is no duration, or none of at least one millisecond. */
export function durationMs(text: string): number | undefined {
  const [, count, unit] = pattern.exec(text) ?? [];
  if (count === undefined) return undefined;
  const ms = Number(count) * unitsMs[unit as keyof typeof unitsMs];
  return Number.isInteger(ms) && ms >= 1 && ms <= Number.MAX_SAFE_INTEGER ? ms : undefined;
}

/** The option of a duration of at least one whole millisecond; as text, `durationMs` reads it. */
export function durationOption(z: Zod): zod.ZodString {
  return z
    .string()
    .regex(pattern, {
      message: 'a duration is written `500ms`, `30s`, `5m`, `1h` or `7d`',
      abort: true,
    })
    .refine((text) => durationMs(text) !== undefined, {
      message: 'a duration is a whole number of milliseconds, at least one',
    });
}

/** The option of a rolling window: so many rows, or as text the time that it is over. */
export function rollingWindowOption(
  z: Zod,
  { min = 1, max }: { readonly min?: number; readonly max?: number } = {},
): zod.ZodUnion<readonly [zod.ZodNumber, zod.ZodString]> {
  const rows = z.int().min(min);
  return z.union([max === undefined ? rows : rows.max(max), durationOption(z)], {
    error: ({ input }) =>
      `takes a number of rows, as \`50\`, or a duration, as \`30s\`, not ${shownValue(input)}`,
  });
}

interface RollingOptions {
  readonly window: number | string;
  readonly time?: string | undefined;
}

/** What `refine` takes: what must hold of options, and what is said where it does not. */
type Refinement = readonly [holds: (options: RollingOptions) => boolean, message: string];

/** Where a rolling window is over time, what says when. */
export const windowHasTime: Refinement = [
  ({ window, time }) => typeof window === 'number' || time !== undefined,
  'a `window` of time needs `time`, the field that says when',
];

/** Where what says when has no use but for a window over time, that it has one. */
export const timeHasWindow: Refinement = [
  ({ window, time }) => typeof window === 'string' || time === undefined,
  '`time` is for a `window` of time, as `5m`',
];
