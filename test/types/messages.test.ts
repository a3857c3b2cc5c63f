import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

/** Mistakes, and what the compiler must say of them: the name that is wrong and those that are right. */
const mistakes: readonly (readonly [name: string, code: string, ...said: string[]])[] = [
  [
    'a field that rename took away',
    `flow.pipe(rename({ fields: { value: 'celsius' } }), filter((r) => r.value > 1));`,
    `Property 'value' does not exist on type '{ readonly celsius: number;`,
  ],
  [
    'a field that select let go',
    `flow.pipe(select({ fields: ['value'] }), movingAverage({ field: 'level', window: 2 }));`,
    `Type '"level"' is not assignable to type '"value"'`,
  ],
  [
    'a field to select that is not there',
    `flow.pipe(select({ fields: ['vlaue'] }));`,
    `Did you mean '"value"'?`,
  ],
  [
    'a field to rename that is not there',
    `flow.pipe(rename({ fields: { vlaue: 'celsius' } }));`,
    `Did you mean to write 'value'?`,
  ],
  [
    'a field to cast that is not there',
    `flow.pipe(cast({ fields: { vlaue: 'int32' } }));`,
    `Did you mean to write 'value'?`,
  ],
  [
    'a number that cast made text',
    `flow.pipe(cast({ fields: { value: 'text' } }), movingAverage({ field: 'value', window: 2 }));`,
    `Type '"value"' is not assignable to type '"level"'`,
  ],
  [
    'a derived field misspelt',
    `flow.pipe(derive({ half: float64((r) => r.value / 2) }), filter((r) => r.hlaf > 1));`,
    `Property 'hlaf' does not exist`,
    `readonly half: number`,
  ],
  [
    'a field misspelt behind a branch',
    `flow.pipe(branch({ routes: { hot: 'value > 1' } })).output('hot').pipe(filter((r) => r.vlaue > 1));`,
    `Did you mean 'value'?`,
  ],
  [
    'a field misspelt in a route',
    `flow.pipe(branch({ routes: { hot: (r) => r.vlaue > 1 } }));`,
    `Did you mean 'value'?`,
  ],
  [
    'a field misspelt behind a merge',
    `builder.combine([flow, flow], merge()).pipe(filter((r) => r.vlaue > 1));`,
    `Did you mean 'value'?`,
  ],
  [
    'flows of other fields merged',
    `builder.combine([flow, flow.pipe(select({ fields: ['value'] }))], merge());`,
    `flows that are combined must have the same fields`,
  ],
  [
    'a feature misspelt',
    `flow.pipe(features({ field: 'value', features: ['mean'] }), threshold({ field: 'valueMaen', min: 1 }));`,
    `Did you mean '"valueMean"'?`,
  ],
  [
    'a field for features that is not there',
    `flow.pipe(features({ field: 'vlaue', features: ['mean'] }));`,
    `Did you mean '"value"'?`,
  ],
  [
    'text where a number is needed',
    `flow.pipe(movingAverage({ field: 'sensorId', window: 2 }));`,
    `Type '"sensorId"' is not assignable to type '"level" | "value"'`,
  ],
  ['a sink before a source', `builder.to(memorySink());`, 'no flow here: `from` begins one'],
  ['two sinks', `flow.to(memorySink()).to(memorySink());`, 'no flow here: `from` begins one'],
  [
    'a stage after the sink',
    `flow.to(memorySink()).pipe(filter('value > 1'));`,
    'its sink ends it; go on from what `pipe` gave',
  ],
  [
    'a stage of a chain before its source',
    `builder.addStage(filter('value > 1'));`,
    'nothing is here yet: `setSource` or `from` begins; go on from what they gave',
  ],
  [
    'a source of a chain that has one',
    `builder.setSource(memorySource({ schema: readings, rows: [] })).setSource(memorySource({ schema: readings, rows: [] }));`,
    'the chain has its source: `addStage` and `setSink` go on, `from` begins another flow',
  ],
  [
    'a source of a chain that is at its end',
    `builder.setSource(memorySource({ schema: readings, rows: [] })).setSink(memorySink()).setSource(memorySource({ schema: readings, rows: [] }));`,
    'the chain has its sink: nothing comes after it; `from` begins another flow',
  ],
  [
    'nothing to be built',
    `void builder.build();`,
    'nothing is here yet: `setSource` or `from` begins; go on from what they gave',
  ],
  [
    'a stage of a chain after its sink',
    `builder.setSource(memorySource({ schema: readings, rows: [] })).setSink(memorySink()).addStage(filter('value > 1'));`,
    'the chain has its sink: nothing comes after it; `from` begins another flow',
  ],
  [
    'a stage that is none',
    `flow.pipe({ process: (batch: unknown) => batch });`,
    `'process' does not exist in type`,
  ],
  [
    'a stage that counts on a signal',
    `flow.pipe({ transform: (stream, signal: AbortSignal) => stream });`,
    'Target signature provides too few arguments. Expected 2 or more, but got 1',
  ],
  [
    'a sink among stages',
    `flow.pipe(filter('value > 1'), memorySink());`,
    `Type '"sink"' is not assignable to type '"stage"'`,
  ],
  [
    'a stage as the sink',
    `flow.to(filter('value > 1'));`,
    `Type '"stage"' is not assignable to type '"sink"'`,
  ],
  [
    'a stage as the source',
    `builder.from(filter('value > 1'));`,
    `Type '"stage"' is not assignable to type '"source"'`,
  ],
  [
    'a number for a condition',
    `flow.pipe(filter((r) => r.value));`,
    `Type 'number' is not assignable to type 'boolean | null'`,
  ],
  [
    'a condition that is asynchronous',
    `flow.pipe(filter(async (r) => r.value > 1));`,
    `Type 'Promise<boolean>' is not assignable to type 'boolean | null'`,
  ],
  [
    'text for a derived number',
    `flow.pipe(derive({ half: float64((r) => r.sensorId) }));`,
    `Type 'string' is not assignable to type 'number'`,
  ],
  [
    'a record of another schema from map',
    `flow.pipe(map(readings, (r) => ({ sensorId: 1, value: r.value, level: null })));`,
    `Type 'number' is not assignable to type 'string'`,
  ],
  [
    'a sink in memory of another schema',
    `flow.to(memorySink({ schema: schema({ celsius: 'float64' }) }));`,
    `Property 'celsius' is missing in type '{ readonly sensorId: "category";`,
  ],
  [
    'a sink in memory of another kind',
    `flow.to(memorySink({ schema: schema({ value: 'text' }) }));`,
    `Type '"float64"' is not assignable to type '"text"'`,
  ],
  [
    'a hand-written source without a schema',
    `builder.from({ async *stream() {} });`,
    `Property 'schema' is missing`,
  ],
  [
    'a field misspelt behind a hand-written source',
    `builder.from({ schema: readings, async *stream() {} }).pipe(filter((r) => r.vlaue > 1));`,
    `Did you mean 'value'?`,
  ],
  [
    'a hand-written stage of other fields',
    `flow.pipe(celsiusOnly);`,
    `Property 'celsius' is missing in type '{ readonly sensorId: "category";`,
  ],
  [
    'a field misspelt behind a hand-written stage',
    `flow.pipe(numbered, filter((r) => r.nubmer > 1));`,
    `Did you mean 'number'?`,
  ],
  [
    'a field misspelt behind a hand-written stage that keeps the schema',
    `flow.pipe({ async *transform(stream) { yield* stream; } }).pipe(filter((r) => r.vlaue > 1));`,
    `Did you mean 'value'?`,
  ],
  [
    'a hand-written sink of other fields',
    `flow.to(celsiusSink);`,
    `Property 'celsius' is missing in type '{ readonly sensorId: "category";`,
  ],
  [
    'a field misspelt in a hand-written sink',
    `flow.to({ async consume(stream) { for await (const batch of stream) if (!isCut(batch)) batch.toRows()[0]?.vlaue; } });`,
    `Did you mean 'value'?`,
  ],
  [
    '@register as a sink before a stage',
    `@register({ type: 'sink', summary: 'Write.' }) class AsSink extends Passing {}`,
    `Property 'consume' is missing in type 'Passing'`,
  ],
  [
    '@register without a summary',
    `@register({ type: 'stage' }) class Unsaid extends Passing {}`,
    `Property 'summary' is missing in type '{ type: "stage"; }'`,
  ],
  [
    '@register with a type that is none',
    `@register({ type: 'filter', summary: 'Keep some.' }) class Mistyped extends Passing {}`,
    `Type '"filter"' is not assignable to type 'ComponentType'`,
  ],
  [
    '@register without a call',
    `@register class Uncalled extends Passing {}`,
    `missing the following properties from type 'ClassFacts<ComponentType>': type, summary`,
  ],
  [
    'an instance in a registry',
    `new PipelineRegistry([new Passing()]);`,
    `Type 'Passing' is not assignable to type 'Registrable'`,
  ],
];

const before = `
import { memorySink, memorySource } from '${root}/src/connectors/index.ts';
import { schema } from '${root}/src/batch/index.ts';
import { type Flow, isCut, PipelineRegistry, type Sink, type Stage } from '${root}/src/core/index.ts';
import { register } from '${root}/src/decorators/index.ts';
import { pipeline } from '${root}/src/pipeline.ts';
import { branch, cast, derive, features, filter, float64, map, merge, movingAverage, rename, select, threshold } from '${root}/src/stages/index.ts';
const readings = schema({ sensorId: 'category', value: 'float64', level: 'float64?' });
type Readings = (typeof readings)['shape'];
const builder = pipeline('mistaken');
const flow = builder.from(memorySource({ schema: readings, rows: [] }));
class Passing { async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> { yield* stream; } }
declare const celsiusOnly: Stage<{ readonly celsius: 'float64' }>;
declare const numbered: Stage<Readings, { readonly number: 'float64' }>;
declare const celsiusSink: Sink<{ readonly celsius: 'float64' }>;
`.trim();

/** What the compiler says of each line of a file behind \`before\`, from 0. */
function compiled(lines: readonly string[]): Map<number, string> {
  const project = mkdtempSync(join(tmpdir(), 'millrace-messages-'));
  try {
    writeFileSync(join(project, 'mistakes.mts'), [before, ...lines, ''].join('\n'));
    const configuration = {
      extends: join(root, 'test', 'tsconfig.json'),
      compilerOptions: {
        incremental: false,
        tsBuildInfoFile: null,
        rootDir: '/',
        rewriteRelativeImportExtensions: false,
        noErrorTruncation: true,
        typeRoots: [join(root, 'node_modules', '@types')],
      },
      include: ['mistakes.mts'],
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(configuration));
    const { stdout } = spawnSync(join(root, 'node_modules', '.bin', 'tsc'), ['-p', project], {
      encoding: 'utf8',
    });
    const first = before.split('\n').length + 1;
    const said = new Map<number, string>();
    for (const text of stdout.split(/^(?=\S)/m)) {
      const line = /mistakes\.mts\((\d+),/.exec(text)?.[1];
      if (line === undefined) continue;
      const at = Number(line) - first;
      said.set(at, (said.get(at) ?? '') + text);
    }
    return said;
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

test(
  'the compiler says of each mistake what is wrong, in words that help',
  { timeout: 120_000 },
  () => {
    const said = compiled(mistakes.map(([, code]) => code));
    expect([...said].filter(([at]) => at < 0)).toEqual([]);
    for (const [at, [name, , ...expected]] of mistakes.entries()) {
      for (const text of expected) expect(said.get(at) ?? '(nothing)', name).toContain(text);
    }
  },
);
