import type * as zod from 'zod';

import type { Zod } from '../../core/index.ts';
import type { EventTimeSettings } from '../event-time/row-times.ts';

/** What `eventTime` of a source may be, each option with its default. */
export function eventTimeShape(z: Zod): zod.ZodType<EventTimeSettings> {
  const ms = (): zod.ZodNumber =>
    z
      .number()
      .min(0)
      .max(86_400_000 * 366);
  return z
    .strictObject({
      field: z.string().describe('The timestamp field that says when a row happened.'),
      lateMs: ms()
        .default(5000)
        .describe('How far behind the latest of its partition a row may come, in milliseconds.'),
      idleAfterMs: ms()
        .default(60_000)
        .describe(
          'A partition that gives nothing for so long while it is read holds up nobody any more.',
        ),
      futureMsMax: ms()
        .default(3_600_000)
        .describe('A row that is further ahead of the clock than this is a dead letter.'),
    })
    .describe('When the rows happened, for stages that count by event time.');
}
