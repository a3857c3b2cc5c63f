import { type Fields, schema } from '../../src/batch/index.ts';
import { parseFieldType } from '../../src/batch/schema.ts';
import {
  defineSink,
  defineSource,
  defineStage,
  PipelineRegistry,
  type SinkComponent,
  type SourceComponent,
  type StageComponent,
} from '../../src/core/index.ts';
import { type ConfigOptions, parseConfig } from '../../src/engine/config.ts';
import {
  formatProblem,
  type Plan,
  type PipelineDescription,
  ValidationError,
} from '../../src/engine/index.ts';
import { PipelineError } from '../../src/errors.ts';
import { virtualOutside } from '../../src/testing/outside.ts';

const unused = (): never => {
  throw new Error('nothing is created by a plan');
};

const fileSource = defineSource<(options: object) => SourceComponent, { path: string }>({
  name: 'file',
  summary: 'Read records from a file.',
  options: (z) =>
    z.strictObject({
      path: z.string().describe('The file.'),
      schema: z
        .record(
          z.string(),
          z.string().refine((type) => parseFieldType(type) !== undefined),
        )
        .optional()
        .describe('The fields.'),
      password: z.string().optional().describe('For the door.'),
    }) as never,
  example: { path: 'in.ndjson' },
  whenPaused: 'hold',
  output: async ({ path, schema: fields }: { path: string; schema?: Fields }, { files }) => {
    if (path.startsWith('missing')) await files.open(path, 'read');
    return schema(fields ?? { sensorId: 'category', value: 'float64' });
  },
  create: unused,
});

const fileSink = defineSink<(options: object) => SinkComponent, { path: string }>({
  name: 'file',
  summary: 'Write records to a file.',
  options: (z) => z.strictObject({ path: z.string() }),
  example: { path: 'out.ndjson' },
  create: unused,
});

const consoleSink = defineSink<(options: object) => SinkComponent, object>({
  name: 'console',
  summary: 'Show rows.',
  options: (z) => z.strictObject({ limit: z.int().default(10) }),
  example: {},
  writesStdout: true,
  create: unused,
});

const stdin = defineSource<(options: object) => SourceComponent, object>({
  name: 'stdin',
  summary: 'Read standard input.',
  options: (z) => z.strictObject({}),
  example: {},
  whenPaused: 'hold',
  output: () => schema({ sensorId: 'category', value: 'float64' }),
  create: unused,
});

interface FieldOptions {
  field: string;
  min?: number | undefined;
  method: 'min-max' | 'z-score';
}

const fieldStage = (name: string): ReturnType<typeof defineStage> =>
  defineStage<(options: object) => StageComponent, FieldOptions>({
    name,
    summary: `A stage named ${name}.`,
    options: (z) =>
      z.strictObject({
        field: z.string().describe('The field.'),
        min: z.number().optional().describe('The least value.'),
        method: z.enum(['min-max', 'z-score']).default('min-max').describe('How.'),
      }),
    example: { field: 'value', min: 10 },
    rows: 'same',
    output: (input, { field }) => {
      if (field.includes('canary')) {
        throw new PipelineError({
          code: 'ERR_BATCH_FIELD',
          place: field,
          fact: `no ${field} here`,
        });
      }
      input.field(field);
      return input;
    },
    create: unused,
  });

const merge = defineStage<(options?: object) => StageComponent, object>({
  name: 'merge',
  summary: 'Bring streams together.',
  options: (z) => z.strictObject({}),
  example: {},
  rows: 'same',
  inputs: 'many',
  output: (input) => input,
  create: unused,
});

const branch = defineStage<(options: object) => StageComponent, { outputs: string[] }>({
  name: 'branch',
  summary: 'Part a stream.',
  options: (z) => z.strictObject({ outputs: z.array(z.string()) }),
  example: { outputs: ['hot', 'cold'] },
  rows: 'expand',
  outputs: ({ outputs }) => outputs,
  output: (input) => input,
  create: unused,
});

/** A few components like the real ones, so that these tests hold whatever those become. */
export const registry: PipelineRegistry = new PipelineRegistry([
  fileSource,
  stdin,
  fileSink,
  consoleSink,
  fieldStage('threshold'),
  fieldStage('normalize'),
  merge,
  branch,
]);

export type TestOptions = Partial<ConfigOptions>;

export async function planOf(text: string, options: TestOptions = {}): Promise<Plan> {
  const outside = virtualOutside();
  const config = await parseConfig(text, 'p.yaml', { registry, outside, ...options });
  return config.plan();
}

export async function descriptionOf(
  text: string,
  options: TestOptions = {},
): Promise<PipelineDescription> {
  const outside = virtualOutside();
  return (await parseConfig(text, 'p.yaml', { registry, outside, ...options })).description;
}

/** Every problem of a config as `line:column: kind: text`; none for one that is valid. */
export async function problemsOf(text: string, options: TestOptions = {}): Promise<string[]> {
  try {
    await planOf(text, options);
    return [];
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return error.problems.map((problem) => formatProblem(problem).replace(/^p\.yaml:/, ''));
  }
}
