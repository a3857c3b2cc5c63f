import { expect, test } from 'vitest';

import { memorySource } from '../../src/connectors/memory.ts';
import { defineSink, type SinkComponent } from '../../src/core/index.ts';
import { filter } from '../../src/stages/index.ts';
import { numbered, readings, testPipeline } from './ends.ts';

interface Credentials {
  readonly url: string;
  readonly password: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly encode: () => string;
  readonly many: readonly number[];
}

const remote = defineSink<(options: Credentials) => SinkComponent, Credentials>({
  name: 'remote',
  summary: 'Send rows away.',
  options: (z) => z.custom<Credentials>(),
  example: null,
  create: () => ({
    open: () => Promise.resolve(),
    write: () => Promise.resolve(),
    commit: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }),
});

test('a run shows its components, what flows between them, and no secret', async () => {
  const run = await testPipeline()
    .from(memorySource({ rows: numbered(60), schema: readings }))
    .pipe(filter({ where: 'value > 1' }))
    .to(
      remote({
        url: 'https://me:hunter2@far.example/in',
        password: 'hunter2',
        headers: { Authorization: 'Bearer hunter2', accept: 'x' },
        encode: () => 'hunter2',
        many: Array.from({ length: 51 }, () => 1),
      }),
    )
    .start();
  const { nodes } = run.topology();
  await run.done;
  expect(nodes.map(({ kind, id, from }) => [kind, id, from])).toEqual([
    ['source', 'memory', []],
    ['stage', 'filter', ['memory']],
    ['sink', 'remote', ['filter']],
    ['dead-letters', 'dead-letters', []],
  ]);
  expect(nodes[0]!.output).toEqual(readings.fields);
  expect(nodes[0]!.options).toMatchObject({ rows: '[60 items]', schema: '[Schema]' });
  expect(nodes[1]).toMatchObject({
    name: 'filter',
    input: readings.fields,
    output: readings.fields,
  });
  expect(nodes[2]!.options).toEqual({
    url: 'https://[secret]@far.example/in',
    password: '[secret]',
    headers: { Authorization: '[secret]', accept: 'x' },
    encode: '[function]',
    many: '[51 items]',
  });
  expect(JSON.stringify(nodes)).not.toContain('hunter2');
});
