import type * as zod from 'zod';

import type { Zod } from '../../core/index.ts';
import { checkHeaders, hasUser } from '../../core/request-options.ts';
import { limitsProblem } from '../../observe/alerts/check-rule.ts';
import { isFloor, shippedRuleNames } from '../../observe/alerts/shipped.ts';
import { healthDefaults } from '../../observe/health-settings.ts';
import { defaultSettings, lanesMax, type Settings } from '../description.ts';
import { checkOptions } from '../option-problems.ts';
import type { Problem } from '../problem.ts';
import { configMap, type ConfigMap } from './document.ts';

const { batch, queue, lanes, checkpoint, onRowError, logBodies, delivery } = defaultSettings;
const { openMsMax, closeMsMax, drainMsMax } = defaultSettings;

type SettingName = keyof Settings;

/** The settings of a pipeline, each with its default. */
export function settingsShape(
  z: Zod,
  names: readonly SettingName[] = settingNames,
): Partial<Record<SettingName, zod.ZodType>> {
  return Object.fromEntries(names.map((name) => [name, settingSchema(z, name)]));
}

/** Kept: to make one takes longer than to check by it. */
const kept = new Map<SettingName, zod.ZodType>();

function settingSchema(z: Zod, name: SettingName): zod.ZodType {
  const schema = kept.get(name) ?? settingSchemas[name](z);
  kept.set(name, schema);
  return schema;
}

const count = (z: Zod, max: number): zod.ZodNumber => z.number().int().min(1).max(max);

const settingSchemas: Readonly<Record<SettingName, (z: Zod) => zod.ZodType>> = {
  batch: (z) =>
    z
      .strictObject({
        rowsMax: count(z, 1_048_576).default(batch.rowsMax).describe('Rows in one batch at most.'),
        bytesMax: count(z, 2 ** 30)
          .default(batch.bytesMax)
          .describe('Bytes in one batch at most.'),
        waitMsMax: count(z, 60_000)
          .default(batch.waitMsMax)
          .describe('How long a batch that is not full waits for more rows, in milliseconds.'),
      })
      .prefault({})
      .describe('When a source closes a batch: whichever comes first.'),
  queue: (z) =>
    z
      .strictObject({
        rowsMax: count(z, 2 ** 30)
          .default(queue.rowsMax)
          .describe('Rows in one queue at most.'),
        bytesMax: count(z, 2 ** 40)
          .default(queue.bytesMax)
          .describe('Bytes in one queue at most.'),
      })
      .prefault({})
      .describe('How full a queue between two components may be; it takes at least one batch.'),
  lanes: (z) =>
    z
      .union([count(z, lanesMax), z.literal('auto')])
      .default(lanes)
      .describe(
        'On how many threads it runs where it can; `auto` is one for each core. The plan says why it ' +
          'runs on one.',
      ),
  checkpoint: (z) =>
    z
      .strictObject({
        everyMs: count(z, 3_600_000)
          .default(checkpoint.everyMs)
          .describe('A cut at least this often, in milliseconds.'),
        rowsMax: count(z, 2 ** 30)
          .default(checkpoint.rowsMax)
          .describe('A cut at least every so many rows.'),
      })
      .prefault({})
      .describe('When sources, state and sinks are made to agree.'),
  onRowError: (z) =>
    z
      .enum(['dead-letter', 'drop', 'fail'])
      .default(onRowError)
      .describe('What is done with a row that fails.'),
  logBodies: (z) =>
    z
      .boolean()
      .default(logBodies)
      .describe(
        'Whether log, figures and flight files tell what failed records hold, and what functions and ' +
          'other packages say of them.',
      ),
  delivery: (z) =>
    z
      .literal(delivery, { error: 'only `best-effort` is there so far; leave it out' })
      .default(delivery)
      .describe('What is promised.'),
  openMsMax: (z) =>
    count(z, 86_400_000)
      .default(openMsMax)
      .describe(
        'How long a source or sink may take to open, in milliseconds; one that waits under its policy ' +
          'may take longer.',
      ),
  closeMsMax: (z) =>
    count(z, 86_400_000)
      .default(closeMsMax)
      .describe('How long each source and sink may take to close, in milliseconds.'),
  drainMsMax: (z) =>
    count(z, 86_400_000)
      .default(drainMsMax)
      .describe('How long a stop may take to finish what is in flight, in milliseconds.'),
  drainDelayMs: (z) =>
    z
      .number()
      .int()
      .min(0)
      .max(3_600_000)
      .optional()
      .describe(
        'How long a run that is to stop is not ready, and reads on, before it stops, in milliseconds: ' +
          '0, and where `millrace run` is told to by SIGTERM in Kubernetes 5000, unless given.',
      ),
  health: (z) => healthShape(z).prefault({}).describe('By which limits a run is healthy.'),
  alerts: (z) => alertsShape(z).optional().describe('What a run is watched for, once a second.'),
};

const settingNames = Object.keys(settingSchemas) as SettingName[];

function healthShape(z: Zod): zod.ZodType {
  const { stallMsMax, stallMsMin, queueFullMsMax } = healthDefaults;
  const ms = z.number().int().min(1).max(86_400_000);
  return z.strictObject({
    stallMsMax: ms
      .default(stallMsMax)
      .describe('A loop that stands still for so many milliseconds is not alive.'),
    stallMsMin: ms
      .default(stallMsMin)
      .describe('A loop that stands still for so many milliseconds is told of, as overloaded.'),
    queueDepthMax: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe(
        'Batches in a queue from which it is too full; half of what it may hold if absent.',
      ),
    queueFullMsMax: ms
      .default(queueFullMsMax)
      .describe('How many milliseconds a queue may be too full before the run is overloaded.'),
  });
}

function alertsShape(z: Zod): zod.ZodType {
  const limit = z.number().optional();
  const limits = z.strictObject({
    warn: limit.describe('From where on it fires as a WARNING.'),
    critical: limit.describe('From where on it fires as CRITICAL.'),
    clear: z.number().describe('How far it must come back to be well again.'),
  });
  const rules = shippedRuleNames.map((name) => [
    name,
    z
      .union([z.literal(false), limits])
      .superRefine((given, context) => {
        if (given === false) return;
        const message = limitsProblem(given, isFloor(name) ? 'below' : 'above');
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      })
      .optional()
      .describe(`Limits of \`${name}\`, or false.`),
  ]);
  return z.strictObject({
    limits: z
      .strictObject(Object.fromEntries(rules) as Record<string, zod.ZodType>)
      .optional()
      .describe('Limits of shipped rules in place of their own; `false` switches one off.'),
    memoryMiBMax: z.number().min(1).optional().describe('What the process may take, in MiB.'),
    webhook: z
      .strictObject({
        url: z
          .url({ protocol: /^https?$/ })
          .refine((url) => !hasUser(url), {
            error: 'takes no user or password; give them by `headers`, as `authorization`',
          })
          .describe('Where alerts are sent, by POST.'),
        headers: z
          .record(z.string(), z.string())
          .superRefine(checkHeaders)
          .optional()
          .describe('Headers to send along.'),
      })
      .optional()
      .describe('Is told of each alert that fires or is resolved, as one JSON object.'),
  });
}

/** Reads the settings of a config; where one is wrong it is added to `problems`. */
export async function readSettings(config: ConfigMap, problems: Problem[]): Promise<Settings> {
  const given = configMap();
  for (const name of settingNames) {
    const value = config[name];
    // A key with nothing behind it says nothing.
    if (value !== undefined && value !== null) given[name] = value;
  }
  return checkSettings(given, problems);
}

/** Fills in the defaults; where a setting is wrong or unknown it is added to `problems`. */
export async function checkSettings(given: object, problems: Problem[]): Promise<Settings> {
  const z = await import('zod');
  const names = settingNames.filter((name) => Object.hasOwn(given, name));
  // Only of what is given; but whoever means another is told which there are.
  const areKnown = names.length === Object.keys(given).length;
  const schema = z.strictObject(settingsShape(z, areKnown ? names : settingNames));
  const checked = checkOptions({ name: 'pipeline', schema, options: given, path: [] });
  if ('value' in checked) return { ...defaultSettings, ...(checked.value as Partial<Settings>) };
  problems.push(...checked.problems);
  return defaultSettings;
}
