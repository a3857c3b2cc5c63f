import { expect, test } from 'vitest';

import { parseConfig } from '../../src/engine/config.ts';
import { formatProblem, ValidationError } from '../../src/engine/index.ts';
import { builtins } from '../../src/pipeline.ts';
import { virtualOutside } from '../../src/testing/index.ts';

async function problemsOf(
  text: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const options = { registry: builtins(), outside: virtualOutside(), environment };
  const config = await parseConfig(text, 'test.yaml', options);
  const error: unknown = await config.plan().then(
    () => new Error('has no problem'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ValidationError)) throw error;
  return error.problems.map((problem) => formatProblem(problem).replace('test.yaml:', ''));
}

test('misspelt fields are found behind a source and stages of which other options are wrong', async () => {
  const problems = await problemsOf(`source: { simulate: { sensors: 5, evryMs: 100 } }
stages:
  - normalize: { field: value, method: valued, into: scaled }
  - threshold: { field: vlaue, min: 1, mx: 2 }
  - select: { fields: [sensorId, scald, timestmap, scaled] }
  - threshold: { field: scaled, min: 0 }
  - filter: { where: 'value = 1' }
  - filter: { where: 'other > 1' }
sink: console
`);
  const field = (place: string, name: string) =>
    expect.stringContaining(`${place}: unknown-field: field \`${name}\` does not exist here`);
  expect(problems).toEqual([
    '1:35: unknown-key: `simulate` has no option `evryMs`, did you mean `everyMs`?',
    '3:40: invalid-option: `normalize` option `method`: takes `min-max` or `z-score`, not "valued"',
    field('4:25', 'vlaue'),
    '4:40: unknown-key: `threshold` has no option `mx`, did you mean `max`?',
    field('5:34', 'scald'),
    field('5:41', 'timestmap'),
    '7:29: invalid-option: unexpected `=` (character 7) in `value = 1`',
  ]);
});

test('a field is none where its stage says its name wrongly, and that is no problem further on', async () => {
  const problems = await problemsOf(`source: { simulate: { count: 5 } }
stages:
  - normalize: { field: value, into: 7 }
  - threshold: { field: scaled, min: 0 }
sink: console
`);
  expect(problems).toEqual(['3:38: invalid-option: `normalize` option `into`: takes text, not 7']);
});

test('behind wrong expressions everything is checked, and each mistake in one is a problem', async () => {
  const problems = await problemsOf(`source: { simulate: { count: 5 } }
stages:
  - filter: { where: 'value >' }
  - filter: { where: vlaue > 1 && unknown == 'x' }
  - branch: { routes: { "a": "value", 'b': 'value > 1', c: "value" } }
  - derive:
      doubled: { kind: float64, value: 'value * uint' }
    from: branch.b
  - threshold: { field: dobled, max: 2 }
sinks:
  all: { console: {} }
  a: { stdout: {}, from: branch.a }
  c: { memory: {}, from: branch.c }
`);
  const unknown = (place: string, name: string, meant: string) =>
    expect.stringMatching(
      new RegExp(`^${place}: unknown-field: field \`${name}\` does not exist here; .*${meant}`),
    );
  expect(problems.filter((problem) => !problem.includes('unknown-component'))).toEqual([
    '3:30: invalid-option: expected expression after > (character 8) in `value >`',
    unknown('4:22', 'vlaue', 'did you mean `value`'),
    unknown('4:35', 'unknown', 'fields: '),
    expect.stringContaining('5:31: invalid-option: a condition is true or false'),
    expect.stringContaining('5:61: invalid-option: a condition is true or false'),
    unknown('7:49', 'uint', 'did you mean `unit`'),
    unknown('9:25', 'dobled', 'did you mean `doubled`'),
  ]);
});

test('a value of the environment is not put into an expression, and no part of it is shown', async () => {
  const reference = '${env:SECRET}';
  const problems = await problemsOf(
    `source: { simulate: { count: 5 } }
stages:
  - filter: { where: "unit == '${reference}'" }
  - branch: { routes: { hot: "${reference}" }, otherwise: rest }
  - derive: { more: { kind: float64, value: "${reference}" } }
    from: branch.hot
sinks:
  more: { console: {} }
  rest: { stdout: {}, from: branch.rest }
`,
    { SECRET: "S3CRETfield' || unit != '" },
  );
  const refused = `secret: ${reference}: an expression is written out whole; a value put into it could change it`;
  expect(problems).toEqual([`3:22: ${refused}`, `4:30: ${refused}`, `5:45: ${refused}`]);
});
