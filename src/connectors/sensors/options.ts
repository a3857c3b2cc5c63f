import type * as zod from 'zod';

import { type AnyRowFunction, functionOption, type Zod } from '../../core/index.ts';
import { checkHeaders, hasUser } from '../../core/request-options.ts';
import type { SensorPatience, SensorsOptions, SensorStrategy } from './types.ts';

/** The options of one sensor, checked. */
export interface ParsedSensor extends SensorPatience {
  readonly id: string;
  readonly url?: string | undefined;
  readonly read?: AnyRowFunction | undefined;
  readonly field?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly unit: string;
}

/** The options with their defaults. */
export interface ParsedOptions extends Omit<SensorsOptions, 'sensors'> {
  readonly sensors: readonly ParsedSensor[];
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly concurrentMax: number;
  readonly sensitive: boolean;
}

const strategyNames: readonly SensorStrategy[] = [
  'drop',
  'last-known-good',
  'interpolated',
  'constant',
];

/** Which strategy an option of `fallback` is for. */
const strategyOf = {
  ageMsMax: 'last-known-good',
  gapMsMax: 'interpolated',
  method: 'interpolated',
  value: 'constant',
} as const;

type FallbackOption = keyof typeof strategyOf;

export function sensorsOptions(z: Zod): zod.ZodType<ParsedOptions> {
  const patience = patienceOptions(z);
  return z
    .strictObject({
      sensors: z
        .array(sensorOption(z, patience), {
          error: 'takes a list of sensors, as `[{ id: boiler, url: http://boiler.test/ }]`',
        })
        .min(1, 'takes at least one sensor')
        .superRefine(refuseTwice)
        .describe('What to ask, in the order of the rows.'),
      everyMs: z.number().positive().default(1000).describe('Milliseconds from batch to batch.'),
      deadlineMs: z
        .number()
        .positive()
        .optional()
        .describe('How long a batch waits for its sensors; `everyMs` unless given, and at most.'),
      count: z.int().nonnegative().optional().describe('End after so many batches.'),
      concurrentMax: z
        .int()
        .min(1)
        .max(10_000)
        .default(64)
        .describe('Sensors that are asked at a time.'),
      sensitive: z
        .boolean()
        .default(false)
        .describe('Whether `value` is shown to nobody but an admin.'),
      ...patience,
      timeoutMs: patience.timeoutMs.unwrap().default(200).describe(timeoutText),
    })
    .refine(({ everyMs, deadlineMs = 0 }) => everyMs <= 0 || deadlineMs <= everyMs, {
      path: ['deadlineMs'],
      error: 'takes no more than `everyMs`',
    });
}

function refuseTwice(
  sensors: readonly { readonly id: string }[],
  context: zod.RefinementCtx,
): void {
  const first = new Map<string, number>();
  for (const [at, { id }] of sensors.entries()) {
    const before = first.get(id);
    if (before === undefined) first.set(id, at);
    else {
      const message = `names \`sensors[${before}]\` already`;
      context.addIssue({ code: 'custom', path: [at, 'id'], message });
    }
  }
}

const timeoutText = 'How long one attempt may take, in milliseconds.';

function sensorOption(z: Zod, patience: ReturnType<typeof patienceOptions>) {
  return z
    .strictObject({
      id: z.string().min(1).describe('Its name in the rows, of its own.'),
      url: z
        .url({
          protocol: /^https?$/,
          error: 'takes an address as `http://boiler.test/temperature`',
        })
        .refine((url) => !hasUser(url), 'takes no user in the address; use `headers`')
        .optional()
        .describe('Where it answers to a GET with JSON.'),
      read: functionOption(z, 'Asks it once.', 'give a `url`').optional(),
      field: z
        .string()
        .regex(/^[^.]+(\.[^.]+)*$/, 'takes names with a point between two, as `main.temp`')
        .optional()
        .describe(
          'Where the number is in the answer of a URL, unless that is a number itself; `value` unless given.',
        ),
      headers: z
        .record(z.string(), z.string())
        .superRefine(checkHeaders)
        .optional()
        .describe('Headers of the request to a URL.'),
      unit: z.string().default('').describe('What it measures in.'),
      ...patience,
    })
    .refine(({ url, read }) => (url === undefined) !== (read === undefined), {
      error: 'takes either `url` or, in code, `read`',
    })
    .superRefine(({ url, read, field, headers }, context) => {
      if (read === undefined || url !== undefined) return;
      for (const [option, given] of Object.entries({ field, headers })) {
        if (given === undefined) continue;
        const message = 'works with `url`; what `read` gives is the number itself';
        context.addIssue({ code: 'custom', path: [option], message });
      }
    });
}

/** Defaults that are not written here are those of the policies. */
function patienceOptions(z: Zod) {
  const ms = (text: string) => z.number().positive().describe(text).optional();
  return {
    timeoutMs: ms(timeoutText),
    retry: z
      .strictObject({
        maxAttempts: z
          .int()
          .min(1)
          .max(100)
          .describe('Attempts of a read; 3 unless given.')
          .optional(),
        baseDelayMs: ms('The first wait, which doubles from then on; 100 unless given.'),
        delayMsMax: ms('The longest wait; 30000 unless given.'),
        jitter: z
          .enum(['none', 'full', 'equal', 'decorrelated'])
          .describe('How chance spreads the waits; none unless given.')
          .optional(),
      })
      .optional()
      .describe('How a read that fails is tried again.'),
    breaker: z
      .strictObject({
        failures: z
          .int()
          .min(1)
          .describe(
            'Reads in a row that fail, each with its retries, before it opens; 5 unless given.',
          )
          .optional(),
        openMs: ms('How long it stays open before a probe; 30000 unless given.'),
        growth: z
          .number()
          .min(1)
          .describe(
            'Each opening after a failed probe lasts so many times as long; 1 unless given.',
          )
          .optional(),
        openMsMax: ms('The longest that growth makes it; 300000 unless given.'),
        jitter: z
          .number()
          .min(0)
          .max(1)
          .describe('The share of the open time that chance may take off; 0 unless given.')
          .optional(),
        successesToClose: z
          .int()
          .min(1)
          .describe('Probes that must succeed in a row before it closes; 2 unless given.')
          .optional(),
      })
      .refine(
        ({ openMs = 30_000, openMsMax = Infinity }) => openMsMax <= 0 || openMsMax >= openMs,
        {
          path: ['openMsMax'],
          error: 'takes no less than `openMs`',
        },
      )
      .optional()
      .describe('When a sensor that fails is left alone.'),
    fallback: fallbackOption(z),
  };
}

function fallbackOption(z: Zod) {
  const strategy = z.enum(strategyNames);
  return z
    .strictObject({
      strategy: z
        .union([strategy, z.array(strategy).min(1)])
        .default('last-known-good')
        .describe('What is delivered; of several the first that has something.'),
      ageMsMax: z
        .number()
        .positive()
        .describe('Last known good: an older value is not delivered; no limit unless given.')
        .optional(),
      gapMsMax: z
        .number()
        .positive()
        .describe('Interpolated: the longest gap that is bridged; no limit unless given.')
        .optional(),
      method: z
        .enum(['mean', 'linear'])
        .describe('Interpolated: the mean of the last three values, or the line through them.')
        .optional(),
      value: z.number().describe('Constant: the value.').optional(),
    })
    .superRefine((given, context) => {
      const strategies = [given.strategy].flat();
      for (const [option, needed] of Object.entries(strategyOf)) {
        if (given[option as FallbackOption] === undefined || strategies.includes(needed)) continue;
        const message = `works with the strategy \`${needed}\``;
        context.addIssue({ code: 'custom', path: [option], message });
      }
      if (!strategies.includes('constant') || given.value !== undefined) return;
      context.addIssue({ code: 'custom', path: ['value'], message: 'is what `constant` delivers' });
    })
    .optional()
    .describe('What becomes of a reading that could not be had; the last known good unless given.');
}
