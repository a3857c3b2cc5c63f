import type * as zod from 'zod';

import type { Zod } from '../../core/index.ts';

/** The options of a policy in a config, as the functions of `millrace/resilience` take them. */
export function policyShape(z: Zod): zod.ZodObject {
  const ms = (): zod.ZodNumber => z.number().positive();
  const count = (): zod.ZodNumber => z.int().min(1);
  const wait = (): zod.ZodNumber => z.number().min(0);
  const timeout = z.strictObject({ timeoutMs: ms().describe('In milliseconds.') }).optional();
  return z.strictObject({
    retry: z
      .strictObject({
        maxAttempts: count().default(3).describe('The first included.'),
        baseDelayMs: wait()
          .default(100)
          .describe('The first wait, which doubles from then on, in milliseconds.'),
        delayMsMax: wait().default(30_000).describe('The longest wait, in milliseconds.'),
        jitter: z
          .enum(['none', 'full', 'equal', 'decorrelated'])
          .default('none')
          .describe('How chance spreads the waits.'),
        totalMsMax: ms()
          .optional()
          .describe('No retry begins later than this after the call did, in milliseconds.'),
        budget: z
          .strictObject({
            ratio: wait().default(0.1).describe('Retries that each call pays for.'),
            minPerSecond: wait().default(1).describe('Retries that time alone pays for.'),
            retriesMax: count().default(10).describe('Retries that can be saved up.'),
          })
          .optional()
          .describe('What all that share this policy may spend on retries.'),
      })
      .optional()
      .describe('Calls again what failed, after a wait.'),
    breaker: z
      .strictObject({
        opens: opensShape(z)
          .default({ consecutiveFailures: 5 })
          .describe('When it opens: when any of these holds.'),
        openMs: ms().default(30_000).describe('How long it stays open, in milliseconds.'),
        growth: z
          .number()
          .min(1)
          .default(1)
          .describe('Each opening that follows a failed probe lasts so many times as long.'),
        openMsMax: ms()
          .optional()
          .describe('The longest that growth makes it; 300,000 unless given.'),
        jitter: z
          .number()
          .min(0)
          .max(1)
          .default(0)
          .describe('The share of the open time that chance may take off.'),
        probesMax: count().default(1).describe('Probes at a time while half-open.'),
        successesToClose: count().default(2).describe('Probes in a row that close it.'),
        probeMsMax: ms()
          .default(30_000)
          .describe('A probe that takes as long has failed, in milliseconds.'),
      })
      .optional()
      .describe('Lets nothing through for a while when calls keep failing; what is in hand waits.'),
    timeout: timeout.describe('How long one attempt may take.'),
    totalTimeout: timeout.describe('How long a call may take with all its retries.'),
    bulkhead: z
      .strictObject({
        concurrentMax: count().describe('Calls at a time.'),
        queueMax: z.int().min(0).default(0).describe('Calls that may wait for their turn.'),
      })
      .optional()
      .describe('Lets so many calls run at a time.'),
    rateLimit: z
      .strictObject({
        callsMax: count().max(1_000_000).describe('Calls that may begin within `perMs`.'),
        perMs: ms().describe('In milliseconds.'),
        waitMsMax: wait().default(0).describe('How long a call may wait for its turn.'),
      })
      .optional()
      .describe('Lets so many calls begin in a time.'),
    hedge: z
      .strictObject({
        afterMs: wait().describe('How long an attempt has for itself, in milliseconds.'),
        attemptsMax: count().default(2).describe('Attempts at a time.'),
      })
      .optional()
      .describe(
        'Begins another attempt beside one that is slow: for calls that may be made twice.',
      ),
    fallback: z
      .strictObject({
        strategies: z
          .array(strategyShape(z, { ms, count }))
          .min(1)
          .describe('The first that has something to deliver does.'),
        key: z
          .string()
          .optional()
          .describe(
            'The field that tells whose readings stand in for each other; all unless given.',
          ),
      })
      .optional()
      .describe('What goes on where a call fails: only for stages that wait.'),
  });
}

function opensShape(z: Zod): zod.ZodObject {
  const window = z
    .union([
      z.strictObject({ calls: z.int().min(1).max(1_000_000).describe('The last so many calls.') }),
      z.strictObject({ ms: z.number().positive().describe('The last so many milliseconds.') }),
    ])
    .describe('How far back it looks.');
  const rate = z.number().positive().max(1).describe('The share of calls from which it opens.');
  const callsMin = z.int().min(1).default(10).describe('Fewer calls than this say nothing.');
  return z
    .strictObject({
      consecutiveFailures: z.int().min(1).optional().describe('Failures with no success between.'),
      failureRate: z
        .strictObject({ rate, callsMin, window })
        .optional()
        .describe('The share of calls that failed.'),
      slowCallRate: z
        .strictObject({
          slowMs: z.number().positive().describe('A call that takes as long is slow.'),
          rate,
          callsMin,
          window,
        })
        .optional()
        .describe('The share of calls that were slow.'),
    })
    .refine((given) => Object.keys(given).length > 0, { error: 'expected one rule or more' });
}

function strategyShape(
  z: Zod,
  { ms, count }: Readonly<Record<'ms' | 'count', () => zod.ZodNumber>>,
): zod.ZodType {
  const keysMax = count().default(10_000).describe('Keys to remember.');
  return z.union([
    z.literal('drop').describe('Nothing is delivered.'),
    z.strictObject({
      lastKnownGood: z
        .strictObject({
          ageMsMax: ms().optional().describe('An older reading is not delivered.'),
          keysMax,
        })
        .describe('The last reading of the key.'),
    }),
    z.strictObject({
      interpolated: z
        .strictObject({
          fields: z
            .array(z.string())
            .min(1)
            .default(['value'])
            .describe('The numbers that are interpolated.'),
          method: z
            .enum(['mean', 'linear'])
            .default('mean')
            .describe('The mean of the last three, or the line through them.'),
          gapMsMax: ms().optional().describe('The longest gap that is bridged, in milliseconds.'),
          keysMax,
        })
        .describe('Made from the last three readings of the key.'),
    }),
    z.strictObject({
      constant: z.record(z.string(), z.json()).describe('The same record each time.'),
    }),
  ]);
}
