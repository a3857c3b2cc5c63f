import { expect, test } from 'vitest';
import type { ZodType } from 'zod';

import type { Fields } from '../../src/batch/index.ts';
import { memorySource } from '../../src/connectors/memory.ts';
import { parametersOfClass } from '../../src/core/class-parameters.ts';
import { defineSink, type SinkComponent } from '../../src/core/index.ts';
import { numbered, readings, testPipeline } from '../engine/ends.ts';

const canary = 'hunter2';
const given = {
  passphrase: canary,
  pwd: canary,
  dbPassword: canary,
  'api-key': canary,
  private_key: canary,
  Authorization: `Bearer ${canary}`,
  nested: { list: [{ clientSecret: canary }] },
  address: `https://me:${canary}@far.example/in`,
  withSign: `https://me:a@${canary}@far.example/in`,
  parameter: `https://far.example/in?limit=5&api_key=${canary}`,
  inText: `send to https://me:${canary}@far.example, or nats://other:${canary}@b.example`,
  several: `nats://me:${canary}@a.example,nats://me:${canary}@b.example`,
  shortened: `https://far.example/?pwd=${canary}&n=1`,
  webhook: { url: `https://hooks.example/${canary}` },
  user: 'me',
  passphraseOfNone: '',
};
const shown = {
  passphrase: '[secret]',
  pwd: '[secret]',
  dbPassword: '[secret]',
  'api-key': '[secret]',
  private_key: '[secret]',
  Authorization: '[secret]',
  nested: { list: [{ clientSecret: '[secret]' }] },
  address: 'https://[secret]@far.example/in',
  withSign: 'https://[secret]@far.example/in',
  parameter: 'https://far.example/in?limit=5&api_key=[secret]',
  inText: 'send to https://[secret]@far.example, or nats://[secret]@b.example',
  several: 'nats://[secret]@a.example,nats://[secret]@b.example',
  shortened: 'https://far.example/?pwd=[secret]&n=1',
  webhook: { url: 'https://hooks.example/[secret]' },
  user: 'me',
  passphraseOfNone: '',
};

const remote = defineSink<(options: typeof given) => SinkComponent<Fields>, typeof given>({
  name: 'remote',
  summary: 'Send rows away.',
  options: (z) => z.custom<typeof given>() as ZodType<typeof given>,
  example: null,
  create: () => ({
    open: () => Promise.resolve(),
    write: () => Promise.resolve(),
    commit: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }),
});

test('the options of a run are shown without what is secret', async () => {
  const run = await testPipeline()
    .from(memorySource({ rows: numbered(1), schema: readings }))
    .to(remote(given))
    .start();
  const { nodes } = run.topology();
  await run.done;
  expect(nodes[1]!.options).toEqual(shown);
});

test('the defaults of a class are shown without what is secret, by the same rules', () => {
  // oxlint-disable-next-line no-implied-eval
  const read = new Function(
    `return class A { constructor(options = ${JSON.stringify(given)}, pwd = '${canary}') {} }`,
  ) as () => abstract new () => unknown;
  const { parameters } = parametersOfClass(read());
  expect(parameters.map(({ default: value }) => value)).toEqual([shown, '[secret]']);
});
