import { describe, expect, test } from 'vitest';

import { type Schema, schema } from '../../src/batch/index.ts';
import { memorySource } from '../../src/connectors/memory.ts';
import { parseConfig } from '../../src/engine/config.ts';
import { type Run, startRun, type Topology } from '../../src/engine/index.ts';
import { builtins } from '../../src/pipeline.ts';
import {
  cast,
  derive,
  detectAnomalies,
  filter,
  float64,
  map,
  merge,
  movingAverage,
  rename,
  select,
} from '../../src/stages/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { scriptedSink, testPipeline } from './ends.ts';

const secret = schema({
  patient: { kind: 'category', sensitive: true },
  pulse: { kind: 'int32?', sensitive: true },
  room: 'category',
});
const open = schema({ patient: 'category', pulse: 'int32?', room: 'category' });

/** The names of the sensitive fields that come into each component, or go out of a source. */
async function sensitiveIn(pipeline: { start(): Promise<Run> }): Promise<Record<string, string[]>> {
  const run = await pipeline.start();
  const { nodes }: Topology = run.topology();
  await run.abort().catch(() => {});
  return Object.fromEntries(
    nodes.map(({ id, input, output }) => [
      id,
      (input ?? output ?? []).filter((field) => field.sensitive).map(({ name }) => name),
    ]),
  );
}

describe('a sensitive field', () => {
  test('is described where the others are, and types its values as they do', () => {
    expect(secret.fields).toEqual([
      { name: 'patient', kind: 'category', nullable: false, sensitive: true },
      { name: 'pulse', kind: 'int32', nullable: true, sensitive: true },
      { name: 'room', kind: 'category', nullable: false },
    ]);
    const shape: Schema<{
      readonly patient: 'category';
      readonly pulse: 'int32?';
      readonly room: 'category';
    }> = secret;
    expect(schema(shape.toJSON()).fields).toEqual(secret.fields);
    expect(schema({ a: { kind: 'text', sensitive: false } }).fields).toEqual(
      schema({ a: 'text' }).fields,
    );
    // Rows of the one are rows of the other.
    expect(secret.equals(open)).toBe(true);
  });

  test.each([
    { kind: 'txt', sensitive: true },
    { kind: 'text', sensitive: 'yes' },
    { kind: 'text', secret: true },
    { sensitive: true },
  ])('is refused where it is written as %j', (field) => {
    expect(() => schema({ a: field } as never)).toThrow('ERR_BATCH_SCHEMA');
  });

  test('stays so in what keeps it, under whatever name, and in what takes its place', async () => {
    const source = memorySource({ schema: secret, rows: [] });
    const made = testPipeline()
      .from(source)
      .pipe(
        filter({ where: 'room == "a"' }),
        rename({ fields: { patient: 'who' } }),
        cast({ fields: { pulse: 'float64' } }),
        derive({ room: float64(() => 1), pulse: float64((row) => row.pulse ?? 0) }),
        select({ fields: ['who', 'pulse'] }),
      )
      .to(scriptedSink({}));
    expect(await sensitiveIn(made)).toMatchObject({
      memory: ['patient', 'pulse'],
      filter: ['patient', 'pulse'],
      rename: ['patient', 'pulse'],
      cast: ['who', 'pulse'],
      derive: ['who', 'pulse'],
      select: ['who', 'pulse'],
      scripted: ['who', 'pulse'],
    });
  });

  test('makes sensitive what stages compute of that one field; of functions the author says', async () => {
    const made = testPipeline()
      .from(memorySource({ schema: secret, rows: [] }))
      .pipe(
        cast({ fields: { pulse: 'float64' } }),
        movingAverage({ field: 'pulse', window: 5, into: 'mean' }),
        detectAnomalies({ field: 'mean', into: 'odd' }),
        derive({ half: float64((row) => (row.pulse ?? 0) / 2) }),
        derive({ quarter: { ...float64((row) => row.half / 2), sensitive: true } }),
      )
      .to(scriptedSink({}));
    expect(await sensitiveIn(made)).toMatchObject({
      scripted: ['patient', 'pulse', 'mean', 'odd', 'oddScore', 'oddReason', 'quarter'],
    });
    const mapped = testPipeline()
      .from(memorySource({ schema: secret, rows: [] }))
      .pipe(
        map(schema({ who: { kind: 'text', sensitive: true }, room: 'text' }), (row) => ({
          who: row.patient,
          room: row.room,
        })),
      )
      .to(scriptedSink({}));
    expect(await sensitiveIn(mapped)).toMatchObject({ scripted: ['who'] });
  });

  test('is sensitive in one stream of several where it is in one of them', async () => {
    const made = testPipeline();
    const flows = [
      made.from(memorySource({ schema: open, rows: [] }), { id: 'open' }),
      made.from(memorySource({ schema: secret, rows: [] }), { id: 'secret' }),
    ];
    made.combine(flows, merge()).to(scriptedSink({}));
    expect(await sensitiveIn(made)).toMatchObject({
      open: [],
      merge: ['patient', 'pulse'],
      scripted: ['patient', 'pulse'],
    });
  });

  test('is written in a pipeline file', async () => {
    const text = `
name: ward
source:
  memory:
    schema: { patient: { kind: category, sensitive: true }, pulse: float64 }
    rows: []
stages:
  - derive: { twice: { kind: float64, value: pulse * 2, sensitive: true } }
sink: { memory: { rowsMax: 10 } }
`;
    const registry = builtins();
    const config = await parseConfig(text, 'ward.yaml', { registry, outside: virtualOutside() });
    const plan = await config.plan();
    expect(await sensitiveIn({ start: () => startRun(plan) })).toMatchObject({
      memory: ['patient'],
      'memory-2': ['patient', 'twice'],
    });
  });
});

test.each([
  ['{ a: { kind: flaot64 } }', 'option `schema.a.kind`: takes a kind, not "flaot64"'],
  ['{ a: { kind: text, sensitve: true } }', 'option `schema.a` has no option `sensitve`'],
  [
    '{ a: { kind: text, sensitive: 1 } }',
    'option `schema.a.sensitive`: takes true or false, not 1',
  ],
  ['{ a: 1 }', 'option `schema.a`: takes a kind, not 1'],
])('a schema of %s in a file is refused', async (written, text) => {
  const config = `name: a\nsource: { stdin: { schema: ${written} } }\nsink: console`;
  const outside = virtualOutside();
  const planned = parseConfig(config, 'a.yaml', { registry: builtins(), outside }).then((made) =>
    made.plan(),
  );
  await expect(planned).rejects.toThrow(text);
});
