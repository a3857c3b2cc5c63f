import { expect, test } from 'vitest';

import { parseConfig } from '../../src/engine/config.ts';
import { formatProblem, ValidationError } from '../../src/engine/index.ts';
import { builtins } from '../../src/pipeline.ts';
import { virtualOutside } from '../../src/testing/index.ts';

async function problemsOf(text: string): Promise<string[]> {
  const options = { registry: builtins(), outside: virtualOutside() };
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
    '3:40: invalid-option: `normalize` option `method`: expected one of "min-max"|"z-score"',
    field('4:25', 'vlaue'),
    '4:40: unknown-key: `threshold` has no option `mx`, did you mean `max`?',
    field('5:34', 'scald'),
    field('5:41', 'timestmap'),
    '7:5: invalid-option: unexpected `=` (character 7) in `value = 1`',
  ]);
});

test('a field is none where its stage says its name wrongly, and that is no problem further on', async () => {
  const problems = await problemsOf(`source: { simulate: { count: 5 } }
stages:
  - normalize: { field: value, into: 7 }
  - threshold: { field: scaled, min: 0 }
sink: console
`);
  expect(problems).toEqual([
    '3:38: invalid-option: `normalize` option `into`: expected string, received number',
  ]);
});
