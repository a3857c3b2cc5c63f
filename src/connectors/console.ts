import type { Fields } from '../batch/index.ts';
import { defineSink, type SinkComponent, type SinkDefinition } from '../core/index.ts';
import type { ParsedOptions } from './console/connector.ts';

/** What `consoleSink` shows, and how. */
export interface ConsoleOptions {
  /** Shows one row of so many: every one unless given. */
  readonly every?: number | undefined;
  /** Shows so many rows at most: all unless given. */
  readonly limit?: number | undefined;
  /** `table` (the default), `json` (an object a line) or `text` (`name=value` pairs). */
  readonly format?: ParsedOptions['format'] | undefined;
}

/** Shows rows to people, on standard output. What it does not show, it still takes. */
export const consoleSink: SinkDefinition &
  (<F extends Fields = Fields>(options?: ConsoleOptions) => SinkComponent<F>) = defineSink<
  <F extends Fields = Fields>(options?: ConsoleOptions) => SinkComponent<F>,
  ParsedOptions
>({
  name: 'console',
  summary: 'Show rows on standard output, for people.',
  options: (z) =>
    z.strictObject({
      every: z.int().positive().default(1).describe('Show one row of so many, the first of them.'),
      limit: z
        .int()
        .nonnegative()
        .optional()
        .describe('Show at most so many rows; all unless given.'),
      format: z
        .enum(['table', 'json', 'text'])
        .default('table')
        .describe('Columns, one JSON object a line, or `name=value` pairs. Long values are cut.'),
    }),
  example: { format: 'table', limit: 20 },
  writesStdout: true,
  create: async (options, context) => {
    const { ConsoleConnector } = await import('./console/connector.ts');
    return new ConsoleConnector(options, context);
  },
});
