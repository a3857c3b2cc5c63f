import {
  defineSource,
  type ReadingFields,
  readingSchema,
  type SourceComponent,
  type SourceDefinition,
} from '../core/index.ts';
import type { HostMetric, ParsedOptions } from './host/connector.ts';

export type { HostMetric } from './host/connector.ts';

const metricNames: readonly HostMetric[] = [
  'cpu',
  'load',
  'memory',
  'disk',
  'network',
  'temperature',
  'loop',
];

/** What `hostSource` reads, and how often. */
export interface HostOptions {
  /** Milliseconds from one reading to the next: 100 unless given. */
  readonly everyMs?: number | undefined;
  /** Ends after reading so many times; never unless given. */
  readonly count?: number | undefined;
  /** All unless given; what this machine does not tell is left out. */
  readonly metrics?: readonly HostMetric[] | undefined;
}

/** The sensors of this machine, one row for each reading. */
export const hostSource: SourceDefinition &
  ((options?: HostOptions) => SourceComponent<ReadingFields>) = defineSource<
  (options?: HostOptions) => SourceComponent<ReadingFields>,
  ParsedOptions
>({
  name: 'host',
  summary: 'Read the sensors of this machine: processor, memory, disk, network, temperatures.',
  options: (z) =>
    z.strictObject({
      everyMs: z
        .number()
        .positive()
        .default(100)
        .describe('Milliseconds from one reading to the next.'),
      count: z
        .int()
        .nonnegative()
        .optional()
        .describe('End after reading so many times; never unless given.'),
      metrics: z
        .array(z.enum(metricNames))
        .min(1)
        .default([...metricNames])
        .describe('What to read; what this machine does not tell is left out.'),
    }),
  example: { everyMs: 100, count: 3, metrics: ['cpu', 'memory'] },
  whenPaused: 'skip',
  output: () => readingSchema,
  create: async (options, context) => {
    const { HostConnector } = await import('./host/connector.ts');
    return new HostConnector(options, context);
  },
});
