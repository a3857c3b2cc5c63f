import type { ZodType } from 'zod';

import {
  defineSource,
  type ReadingFields,
  readingSchema,
  type SourceComponent,
  type SourceDefinition,
  type Zod,
} from '../core/index.ts';
import type { ParsedOptions } from './simulate/connector.ts';
import type { Episode, FleetOptions } from './simulate/fleet.ts';
import { type SensorKindName, sensorKinds } from './simulate/sensor-kinds.ts';

type Written<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** See the descriptions of the options: `millrace describe simulate`. */
export interface SimulateOptions extends Written<
  Omit<FleetOptions, 'spikes' | 'dropouts' | 'stuck' | 'bursts'>
> {
  /** Ends after so much time of the fleet, in milliseconds; never unless given. */
  readonly durationMs?: number | undefined;
  /** Ends after so many readings, those that go missing too; never unless given. */
  readonly count?: number | undefined;
  /** False: readings come as fast as they are taken, from `startMs` on. True unless given. */
  readonly realTime?: boolean | undefined;
  /** The time of the first reading where `realTime` is false, in milliseconds since 1970. */
  readonly startMs?: number | undefined;
  /** Single readings far from the true value; `size` in deviations of the noise. */
  readonly spikes?: Written<FleetOptions['spikes']> | undefined;
  /** For a while, readings are missing. */
  readonly dropouts?: Written<Episode> | undefined;
  /** For a while, a sensor shows the same value again and again. */
  readonly stuck?: Written<Episode> | undefined;
  /** For a while, the noise is `factor` times as strong. */
  readonly bursts?: Written<FleetOptions['bursts']> | undefined;
}

/** Readings of a fleet of sensors that does not exist. The same seed gives the same values. */
export const simulateSource: SourceDefinition &
  ((options?: SimulateOptions) => SourceComponent<ReadingFields>) = defineSource<
  (options?: SimulateOptions) => SourceComponent<ReadingFields>,
  ParsedOptions
>({
  name: 'simulate',
  summary:
    'Give the readings of a simulated fleet of sensors, with the faults that real ones have.',
  options: fleetOptions,
  example: { sensors: 5, everyMs: 100, count: 50 },
  whenPaused: 'skip',
  output: () => readingSchema,
  create: async (options, context) => {
    const { SimulateConnector } = await import('./simulate/connector.ts');
    return new SimulateConnector(options, context);
  },
});

const kindNames = Object.keys(sensorKinds) as [SensorKindName, ...SensorKindName[]];

function fleetOptions(z: Zod): ZodType<ParsedOptions> {
  const rate = (share: number, what: string) =>
    z
      .number()
      .min(0)
      .max(0.25)
      .default(share)
      .describe(`The chance that ${what} begins with a given reading.`);
  const durationMs = (lasting: number) =>
    z.number().positive().default(lasting).describe('How long it lasts, in milliseconds.');
  const factor = (what: string) =>
    z.number().nonnegative().default(1).describe(`${what}; 0 for none.`);
  return z.strictObject({
    sensors: z
      .int()
      .min(1)
      .max(100_000)
      .default(10)
      .describe('How many sensors; kinds take turns.'),
    everyMs: z
      .number()
      .positive()
      .default(100)
      .describe('Milliseconds from one reading of a sensor to the next.'),
    durationMs: z.number().positive().optional().describe('End after so much time of the fleet.'),
    count: z
      .int()
      .nonnegative()
      .optional()
      .describe('End after so many readings, those that go missing too.'),
    seed: z
      .union([z.number(), z.string()])
      .default(1)
      .describe('The same seed gives the same values.'),
    realTime: z
      .boolean()
      .default(true)
      .describe(
        'Whether readings come as time passes; otherwise as fast as they are taken, from `startMs` on.',
      ),
    startMs: z
      .number()
      .default(Date.UTC(2026, 0, 1))
      .describe('The time of the first reading where `realTime` is false.'),
    kinds: z
      .array(z.enum(kindNames))
      .min(1)
      .default(kindNames)
      .describe('What the sensors measure.'),
    daily: factor(
      'Height of the daily curve, a sine that is highest at about 16:00 UTC, as a multiple of usual',
    ),
    noise: factor(
      'Noise, normally distributed about the true value, as a multiple of usual for the kind',
    ),
    drift: factor(
      'How fast calibration wanders, in a straight line until it is set right every 30 days',
    ),
    spikes: z
      .strictObject({
        rate: rate(0.0005, 'a spike'),
        size: z
          .number()
          .nonnegative()
          .default(25)
          .describe('Its height above or below, in deviations of the noise.'),
      })
      .prefault({})
      .describe('Spikes: single readings far from the true value.'),
    dropouts: z
      .strictObject({ rate: rate(0.0002, 'a dropout'), durationMs: durationMs(3000) })
      .prefault({})
      .describe('Dropouts: for a while, readings are missing.'),
    stuck: z
      .strictObject({ rate: rate(0.0001, 'sticking'), durationMs: durationMs(10_000) })
      .prefault({})
      .describe('Stuck values: for a while, the sensor shows the same value again and again.'),
    bursts: z
      .strictObject({
        rate: rate(0.0002, 'a burst'),
        durationMs: durationMs(2000),
        factor: z.number().nonnegative().default(8).describe('How many times the usual noise.'),
      })
      .prefault({})
      .describe('Bursts: for a while, the noise is many times stronger.'),
  });
}
