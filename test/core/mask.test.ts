import { describe, expect, test } from 'vitest';
import type { ZodType } from 'zod';

import type { Fields } from '../../src/batch/index.ts';
import { memorySource } from '../../src/connectors/memory.ts';
import { parametersOfClass } from '../../src/core/class-parameters.ts';
import { isSecret, redactorOf, withoutCredentials, withoutSecrets } from '../../src/core/mask.ts';
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
  ) as () => abstract new () => object;
  const { parameters } = parametersOfClass(read());
  expect(parameters.map(({ default: value }) => value)).toEqual([shown, '[secret]']);
});

describe('one redactor for whatever is shown', () => {
  test('knows a secret by its name, and a number by none', () => {
    const secrets =
      'pass auth cookie Set-Cookie accessKey access_key sharedAccessKey signingKey bearer jwt ' +
      'sessionId session_id dbPass basicAuth smtp_pass';
    for (const name of secrets.split(' ')) {
      expect(withoutSecrets(name, 'x')).toBe('[secret]');
      expect(isSecret(name, 5)).toBe(false);
      expect(isSecret(name, 5n)).toBe(false);
    }
    for (const name of ['lowPass', 'bypass', 'author', 'key', 'partitionKey', 'compass']) {
      expect(withoutSecrets(name, 'x')).toBe('x');
    }
    expect(withoutSecrets('tokenCount', 5)).toBe(5);
  });

  test.each([
    ['Authorization: Bearer x', 'Authorization: [secret]'],
    ['sent authorization: Basic dTpw, and failed', 'sent authorization: [secret]'],
    ['Set-Cookie: id=7; Path=/', 'Set-Cookie: [secret]'],
    ['a Bearer abcdefghijklmnop.q', 'a Bearer [secret]'],
    ['password=hunter2 port=5432', 'password=[secret] port=5432'],
    ["password='hunter 2' port=5432", 'password=[secret] port=5432'],
    ['{"apiKey":"hunter\\"2","rows":5}', '{"apiKey":"[secret]","rows":5}'],
    ['https://h/?token=hunter2&page=2', 'https://h/?token=[secret]&page=2'],
    ['the Bearer token is no token: 5', 'the Bearer token is no token: 5'],
    ["where: token == 'x'", "where: token == 'x'"],
    ['a=b, rows=5', 'a=b, rows=5'],
  ])('takes out of %o what is secret there', (text, shown) => {
    expect(withoutCredentials(text)).toBe(shown);
    expect(withoutCredentials(shown)).toBe(shown);
  });

  test('takes it out before it cuts', () => {
    const text = `${'x'.repeat(980)} https://u:supersecretpassword@host/`;
    expect(withoutSecrets('note', text)).not.toContain('super');
  });

  test('shows nothing of a text whose scrub throws, and masks what scrub leaves', () => {
    const failing = redactorOf(() => {
      throw new Error('no');
    });
    expect(failing('hunter2')).toBe('[unreadable]');
    const redact = redactorOf((text) => text.replace('PIN', '//u:p@h'));
    expect(redact('PIN')).toBe('//[secret]@h');
  });

  test('takes time in proportion to the text', () => {
    for (const unit of ['//', 'token', 'token=', '"token":"', 'cookie: ', 'a.', 'bearer ', '=?']) {
      const text = unit.repeat(200_000 / unit.length);
      const started = process.hrtime.bigint();
      withoutCredentials(text);
      expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(500);
    }
  });
});
