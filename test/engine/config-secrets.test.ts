import { describe, expect, test } from 'vitest';

import { parseConfig, Secrets } from '../../src/engine/config.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { problemsOf, registry, type TestOptions } from './config-components.ts';

const sourceOptions = async (text: string, options: TestOptions = {}): Promise<unknown> => {
  const outside = virtualOutside();
  const file = await outside.files.open('token', 'replace');
  await file.append(new TextEncoder().encode('from-a-file\n'));
  const { description } = await parseConfig(text, 'p.yaml', { registry, outside, ...options });
  return (description.sources[0]!.component as { options: unknown }).options;
};

const environment = { HOST: 'db-7.example', TOKEN: 'canary-0000-1111', EMPTY: '' };

describe('references', () => {
  test.each<[written: string, value: string]>([
    ['${env:HOST}', 'db-7.example'],
    ['https://${env:HOST}/${env:TOKEN}?x', 'https://db-7.example/canary-0000-1111?x'],
    ['${file:token}', 'from-a-file'],
    ['<${env:EMPTY}>', '<>'],
    ['$${env:HOST}', '${env:HOST}'],
    ['$HOST and {x}', '$HOST and {x}'],
  ])('%s', async (written, value) => {
    const text = `source: { file: { path: '${written}' } }\nsink: console\n`;
    expect(await sourceOptions(text, { environment })).toEqual({ path: value });
  });

  test('only strings within options are looked at, at any depth', async () => {
    const text =
      'source: { file: { path: x, schema: { "${env:HOST}": "${env:HOST}", n: 5 } } }\nsink: console\n';
    expect(await sourceOptions(text, { environment })).toEqual({
      path: 'x',
      schema: { '${env:HOST}': 'db-7.example', n: 5 },
    });
  });

  test('and in what alerts are sent to', async () => {
    const text = `source: { file: { path: x } }
sink: console
alerts:
  webhook:
    url: https://\${env:HOST}/hooks/\${env:TOKEN}
    headers: { authorization: "Bearer \${file:token}" }
`;
    const outside = virtualOutside();
    const file = await outside.files.open('token', 'replace');
    await file.append(new TextEncoder().encode('from-a-file\n'));
    const options = { registry, outside, environment };
    const { description } = await parseConfig(text, 'p.yaml', options);
    expect(description.settings.alerts?.webhook).toEqual({
      url: 'https://db-7.example/hooks/canary-0000-1111',
      headers: { authorization: 'Bearer from-a-file' },
    });
    const without = text.replace('env:HOST', 'env:NOPE');
    expect(await problemsOf(without, { environment, outside })).toEqual([
      '5:10: secret: ${env:NOPE}: the environment variable `NOPE` is not set',
    ]);
  });

  test('a value is never looked at again', async () => {
    const text = 'source: { file: { path: "${env:A}" } }\nsink: console\n';
    const options = await sourceOptions(text, { environment: { A: '${env:B}', B: 'x' } });
    expect(options).toEqual({ path: '${env:B}' });
  });

  test('what cannot be resolved is a problem with its place, and no other problem follows', async () => {
    const text = `source:
  file:
    path: "missing/\${env:NOPE}/\${file:nope.txt}"
    password: \${HOST}
sink:
  file: { path: "\${env:}\${vault:x}" }
`;
    expect(await problemsOf(text, { environment })).toEqual([
      '3:11: secret: ${env:NOPE}: the environment variable `NOPE` is not set',
      '3:11: secret: ${file:nope.txt}: the file (beside the config) does not exist',
      '4:15: secret: ${HOST}: not a reference that is known, did you mean `${env:HOST}`?',
      '6:17: secret: ${env:}: not a reference that is known, use `${env:NAME}`',
      '6:17: secret: ${vault:x}: not a reference that is known, use `${env:NAME}`',
    ]);
  });

  test('inherited names are no environment variables', async () => {
    const text = 'source: { file: { path: "${env:toString}" } }\nsink: console\n';
    expect(await problemsOf(text, { environment })).toEqual([
      '1:25: secret: ${env:toString}: the environment variable `toString` is not set',
    ]);
  });

  test('a problem shows the reference in place of the value', async () => {
    const text =
      'source: { file: { path: "missing-${env:TOKEN}" } }\nstages:\n  - threshold: { field: "${env:TOKEN}" }\nsink: console\n';
    const problems = await problemsOf(text, { environment });
    expect(problems).toEqual(['1:25: input: missing-${env:TOKEN}: does not exist; check the path']);
    const field = text.replace('missing-', '');
    expect(await problemsOf(field, { environment })).toEqual([
      '3:25: unknown-field: no ${env:TOKEN} here',
    ]);
  });
});

test('a problem that quotes what it found shows what is written, however short the value', async () => {
  const text = `source: stdin
stages:
  - threshold: { field: value, min: "\${env:PIN}", method: "\${env:TOKEN}" }
  - threshold: { field: value, min: "1\${env:PIN}" }
sink: console
`;
  expect(await problemsOf(text, { environment: { ...environment, PIN: '42' } })).toEqual([
    '3:37: invalid-option: `threshold` option `min`: takes a number, not "${env:PIN}"',
    '3:59: invalid-option: `threshold` option `method`: takes `min-max` or `z-score`, not "${env:TOKEN}"',
    '4:37: invalid-option: `threshold` option `min`: takes a number, not "1${env:PIN}"',
  ]);
});

describe('scrubbing', () => {
  const scrub = (values: Record<string, string>, text: string): string => {
    const secrets = new Secrets();
    for (const [name, value] of Object.entries(values)) secrets.add(`\${env:${name}}`, value);
    return secrets.scrub(text);
  };

  test.each<[what: string, values: Record<string, string>, text: string, scrubbed: string]>([
    ['each occurrence', { A: 'hunter22' }, 'hunter22, hunter22!', '${env:A}, ${env:A}!'],
    ['a longer one first', { A: 'abcd', B: 'abcdefgh' }, 'abcdefgh abcd', '${env:B} ${env:A}'],
    ['as JSON writes it', { A: 'quo"te\n' }, '{"x":"quo\\"te\\n"}', '{"x":"${env:A}"}'],
    [
      'as a URL writes it',
      { A: 'p@ss w/rd' },
      'https://u:p%40ss%20w%2Frd@h',
      'https://u:${env:A}@h',
    ],
    ['each long line of many', { A: 'first-line\nsecond-line' }, 'at second-line:', 'at ${env:A}:'],
    ['not what is as short as words are', { A: 'a', B: 'of' }, 'a cup of tea', 'a cup of tea'],
    ['a lone surrogate does no harm', { A: 'abc\ud800d' }, 'x abc\ud800d', 'x ${env:A}'],
    ['patterns mean nothing', { A: '.*$&' }, 'x .*$& y', 'x ${env:A} y'],
  ])('%s', (_, values, text, scrubbed) => {
    expect(scrub(values, text)).toBe(scrubbed);
  });
});
