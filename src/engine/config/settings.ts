import type * as zod from 'zod';

import { nearest } from '../../batch/index.ts';
import type { Zod } from '../../core/index.ts';
import { defaultSettings, type Path, type Settings } from '../description.ts';
import type { Problem } from '../problem.ts';
import { configMap, type ConfigMap } from './document.ts';

const { batch, queue, checkpoint, onRowError, delivery, drainMsMax } = defaultSettings;

/** The settings of a pipeline, each with its default. */
export function settingsShape(z: Zod): Record<keyof Settings, zod.ZodType> {
  const count = (max: number): zod.ZodNumber => z.number().int().min(1).max(max);
  return {
    batch: z
      .strictObject({
        rowsMax: count(1_048_576).default(batch.rowsMax).describe('Rows in one batch at most.'),
        bytesMax: count(2 ** 30)
          .default(batch.bytesMax)
          .describe('Bytes in one batch at most.'),
        waitMsMax: count(60_000)
          .default(batch.waitMsMax)
          .describe('How long a batch that is not full waits for more rows, in milliseconds.'),
      })
      .prefault({})
      .describe('When a source closes a batch: whichever comes first.'),
    queue: z
      .strictObject({
        rowsMax: count(2 ** 30)
          .default(queue.rowsMax)
          .describe('Rows in one queue at most.'),
        bytesMax: count(2 ** 40)
          .default(queue.bytesMax)
          .describe('Bytes in one queue at most.'),
      })
      .prefault({})
      .describe('How full a queue between two components may be; it takes at least one batch.'),
    checkpoint: z
      .strictObject({
        everyMs: count(3_600_000)
          .default(checkpoint.everyMs)
          .describe('A cut at least this often, in milliseconds.'),
        rowsMax: count(2 ** 30)
          .default(checkpoint.rowsMax)
          .describe('A cut at least every so many rows.'),
      })
      .prefault({})
      .describe('When sources, state and sinks are made to agree.'),
    onRowError: z
      .enum(['dead-letter', 'drop', 'fail'])
      .default(onRowError)
      .describe('What is done with a row that fails.'),
    delivery: z
      .literal(delivery, { error: 'only `best-effort` is there so far; leave it out' })
      .default(delivery)
      .describe('What is promised.'),
    drainMsMax: count(86_400_000)
      .default(drainMsMax)
      .describe('How long a stop may take to finish what is in flight, in milliseconds.'),
  };
}

/** Reads the settings of a config; where one is wrong it is added to `problems`. */
export async function readSettings(config: ConfigMap, problems: Problem[]): Promise<Settings> {
  const z = await import('zod');
  const shape = settingsShape(z);
  const given = configMap();
  for (const name of Object.keys(shape)) {
    const value = config[name];
    // A key with nothing behind it says nothing.
    if (value !== undefined && value !== null) given[name] = value;
  }
  const parsed = z.strictObject(shape).safeParse(given);
  if (parsed.success) return parsed.data as unknown as Settings;
  for (const issue of parsed.error.issues) problems.push(...settingProblems(issue, shape));
  return defaultSettings;
}

function settingProblems(issue: zod.core.$ZodIssue, shape: Record<string, zod.ZodType>): Problem[] {
  const path = issue.path as Path;
  const name = path.join('.');
  if (issue.code !== 'unrecognized_keys') {
    return [{ kind: 'invalid-option', path, text: `\`${name}\`: ${issue.message}` }];
  }
  const group = (shape[name] as zod.ZodPrefault<zod.ZodObject>).unwrap();
  const known = Object.keys(group.shape);
  return issue.keys.map((key) => ({
    kind: 'unknown-key',
    path: [...path, key],
    text: `\`${name}\` has no key \`${key}\`, ${suggestion(key, known, 'keys')}`,
  }));
}

/** `did you mean \`x\`?`, or the list of what there is. */
export function suggestion(word: string, known: readonly string[], what: string): string {
  const meant = nearest(word, known);
  return meant === undefined ? `${what}: ${known.join(', ')}` : `did you mean \`${meant}\`?`;
}
