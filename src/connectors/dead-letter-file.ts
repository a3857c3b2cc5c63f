import type { ZodType } from 'zod';

import {
  type DeadLetterFields,
  deadLetterSchema,
  defineSink,
  type SinkComponent,
  type SinkDefinition,
  type Zod,
} from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import { deadLetterPath } from './dead-letter-file/path.ts';
import type { ParsedOptions } from './dead-letter-file/connector.ts';

/** Where `deadLetterFile` writes, and how much. */
export interface DeadLetterFileOptions {
  /** `dead-letters.ndjson` in the state directory of the pipeline unless given. */
  readonly path?: string;
  /** 1 GiB unless given. */
  readonly bytesMax?: number;
  /** What happens at `bytesMax`: `pause` unless given. */
  readonly whenFull?: 'pause' | 'fail' | 'dropOldest';
}

/**
 * Keeps dead letters as NDJSON, one line each, with a limit. `pause`: waits until the file was moved
 * away or cut. `fail`: `ERR_DEAD_LETTERS_FULL`. `dropOldest`: keeps two halves, the older in
 * `<path>.1`, and counts what it drops.
 */
export const deadLetterFile: SinkDefinition &
  ((options?: DeadLetterFileOptions) => SinkComponent<DeadLetterFields>) = defineSink<
  (options?: DeadLetterFileOptions) => SinkComponent<DeadLetterFields>,
  ParsedOptions
>({
  name: 'dead-letter-file',
  summary: 'Keep dead letters in a file, with a limit.',
  options: optionsOf,
  example: { path: 'dead-letters.ndjson' },
  check: (input) => {
    if (input.equals(deadLetterSchema)) return;
    throw new PipelineError({
      code: 'ERR_BATCH_SCHEMA',
      place: 'dead-letter-file',
      fact: 'takes dead letters only',
      remedy: 'write records with the sink `file`',
    });
  },
  writes: ({ path }, pipeline) => path ?? deadLetterPath(pipeline),
  create: async (options, context) => {
    const { DeadLetterFile } = await import('./dead-letter-file/connector.ts');
    return new DeadLetterFile(options, context);
  },
});

function optionsOf(z: Zod): ZodType<ParsedOptions> {
  return z.strictObject({
    path: z
      .string()
      .min(1)
      .optional()
      .describe('The file; in the state directory of the pipeline unless given.'),
    bytesMax: z.int().positive().default(1_073_741_824).describe('How long it may become.'),
    whenFull: z
      .enum(['pause', 'fail', 'dropOldest'])
      .default('pause')
      .describe('Wait for room, fail the run, or drop the oldest dead letters and count them.'),
  });
}
