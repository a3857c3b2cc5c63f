import { expect, test } from 'vitest';

import { parseConfig } from '../../src/engine/config.ts';
import { formatProblem, ValidationError } from '../../src/engine/index.ts';
import { builtins } from '../../src/pipeline.ts';
import { virtualOutside } from '../../src/testing/index.ts';

/** All problems of a config, where there is a file `in.ndjson` and a directory `sub`. */
async function problemsOf(text: string): Promise<string[]> {
  const outside = virtualOutside();
  await outside.files.makeDirectory('sub');
  await using file = await outside.files.open('in.ndjson', 'replace');
  await file.append(new TextEncoder().encode('{"a":1,"b":2,"t":"x"}\n'));
  const config = await parseConfig(text, 'test.yaml', { registry: builtins(), outside });
  const error: unknown = await config.plan().then(
    () => new Error('has no problem'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ValidationError)) throw error;
  return error.problems.map((problem) => formatProblem(problem).replace('test.yaml:', ''));
}

/** A config that reads `in.ndjson` into the fields `a`, `b` and `t`. */
const staged = (...stages: string[]): string => `source:
  file: { path: in.ndjson, schema: { a: int32, b: int32, t: text } }
stages:
${stages.map((stage) => `  - ${stage}\n`).join('')}sink: { file: { path: out.ndjson } }
`;

const unknown = (place: string, field: string) =>
  expect.stringContaining(`${place}: unknown-field: field \`${field}\` does not exist here`);

test('a file that is not there hides nothing else where its schema is given', async () => {
  const problems = await problemsOf(`source:
  file: { path: nope.ndjson, schema: { a: int32, t: text } }
stages:
  - filter: { where: q > 1 }
  - threshold: { field: zz, min: 1 }
  - select: { fields: [a, r] }
sinks:
  one: { file: { path: out.ndjson } }
  two: { file: { path: out.ndjson } }
`);
  expect(problems).toEqual([
    '2:17: input: nope.ndjson: does not exist; check the path',
    unknown('4:22', 'q'),
    unknown('5:25', 'zz'),
    unknown('6:27', 'r'),
    '9:24: topology: `two` writes the file that `one` uses: out.ndjson',
  ]);
});

test('two sinks may not write one file, also where nothing is known of the rows', async () => {
  const sinks = `sinks:
  one: { file: { path: out.ndjson } }
  two: { file: { path: out.ndjson, mdoe: append } }
  three: { file: { path: in.ndjson } }
`;
  const problems = await problemsOf(`source: { file: { path: in.ndjson } }
stages:
  - thrshold: { field: a }
${sinks}`);
  expect(problems).toEqual([
    expect.stringContaining('3:5: unknown-component'),
    '6:24: topology: `two` writes the file that `one` uses: out.ndjson',
    expect.stringContaining('6:36: unknown-key'),
    '7:26: topology: `three` writes the file that `file` uses: in.ndjson',
  ]);
  const missing = await problemsOf(`source: { file: { path: nope.ndjson } }\n${sinks}`);
  expect(missing).toHaveLength(3);
});

test('a sink whose name tells no format has a wrong option, whatever comes into it', async () => {
  const problems = await problemsOf(`source: { file: { path: nope.ndjson } }
sink: { file: { path: out.foo } }
`);
  expect(problems).toEqual([
    '1:25: input: nope.ndjson: does not exist; check the path',
    '2:23: invalid-option: `file` option `path`: does not tell the format by its name; set `format` to ndjson or csv or json or parquet or arrow',
  ]);
});

test('each path that cannot be read is a problem', async () => {
  const problems = await problemsOf(`source:
  file: { path: [in.ndjson, nope.ndjson, sub/, "*.zip", in.foo, nope.csv] }
sink: console
`);
  expect(problems).toEqual([
    '2:29: input: nope.ndjson: does not exist; check the path',
    '2:42: input: sub/: is a directory; name a file in it, or a pattern such as `sub/*.ndjson`',
    '2:48: input: *.zip: matches no file; check the pattern, and where the run was started',
    expect.stringContaining('2:57: input: in.foo: does not exist'),
    expect.stringContaining('2:65: input: nope.csv: does not exist'),
  ]);
});

test('a wrong option hides neither the field of its stage nor a missing file', async () => {
  expect(
    await problemsOf(
      staged('threshold: { field: aa, min: "1" }', 'cast: { fields: { qq: float64 }, onError: x }'),
    ),
  ).toEqual([
    unknown('4:25', 'aa'),
    '4:34: invalid-option: `threshold` option `min`: takes a number, not "1"',
    unknown('5:5', 'qq'),
    expect.stringContaining('5:47: invalid-option: `cast` option `onError`'),
  ]);
  expect(
    await problemsOf(
      staged('derive: { c: { kind: flaot64, value: "1" }, d: { kind: float64, value: xx + 1 } }'),
    ),
  ).toEqual([
    expect.stringContaining('4:26: invalid-option: `derive` option `c.kind`'),
    unknown('4:76', 'xx'),
  ]);
  expect(
    await problemsOf('source: { file: { path: nope.ndjson, pth: 1 } }\nsink: console\n'),
  ).toEqual([
    '1:25: input: nope.ndjson: does not exist; check the path',
    expect.stringContaining('1:38: unknown-key'),
  ]);
});

test('an option that is left out where it is wrong gives no field that is another problem', async () => {
  const problems = await problemsOf(
    staged(
      'normalize: { field: a, into: 7 }',
      'filter: { where: scaled > 1 }',
      'moving-average: { field: aa }',
      'filter: { where: aAvg > 1 }',
      'select: { fields: [a, nope] }',
      'filter: { where: b > 1 }',
    ),
  );
  expect(problems).toEqual([
    '4:34: invalid-option: `normalize` option `into`: takes text, not 7',
    expect.stringContaining('6:5: missing-option: `moving-average` needs the option `window`'),
    unknown('6:30', 'aa'),
  ]);
});

test('rename says of unknown fields and of each name that is taken', async () => {
  const taken = (place: string, name: string) =>
    expect.stringContaining(`${place}: schema-mismatch: field \`${name}\` cannot be called \``);
  expect(await problemsOf(staged('rename: { fields: { zz: y, a: t, b: x, t: x } }'))).toEqual([
    unknown('4:5', 'zz'),
    taken('4:41', 't'),
  ]);
  expect(await problemsOf(staged('rename: { fields: { zz: y, a: t, b: t } }'))).toEqual([
    unknown('4:5', 'zz'),
    taken('4:35', 'a'),
    taken('4:35', 'b'),
  ]);
});

test('behind a stage that keeps the fields everything is checked, whatever is wrong with it', async () => {
  for (const broken of [
    'threshold: { field: aa, min: 1 }',
    'threshold: { field: a, min: "1" }',
    'threshold: { feild: a, min: 1 }',
    'filter: { where: 7 }',
    'sample: { evry: 2 }',
    'dedupe: { by: aa }',
  ]) {
    const problems = await problemsOf(
      staged(broken, 'filter: { where: b > 3 }', 'select: { fields: [a, nope] }') + '# the end\n',
    );
    expect(problems.at(-1), broken).toEqual(unknown('6:27', 'nope'));
    const renamed = await problemsOf(staged(broken, 'rename: { fields: { zz: y } }'));
    expect(renamed.at(-1), broken).toEqual(unknown('5:5', 'zz'));
  }
});

test('a circle of stages hides no field', async () => {
  const circle = (from: string): string => `source:
  file: { path: in.ndjson, schema: { amount: int32, t: text } }
stages:
  - { id: all, merge: {}, from: ${from} }
  - { id: some, threshold: { field: amuont, min: 1 }, from: all }
  - { id: few, threshold: { field: other, min: 1 }, from: some }
sink: { console: {}, from: some }
`;
  const refused = (members: string) =>
    `4:16: topology: these stages read from one another in a circle: ${members}`;
  expect(await problemsOf(circle('[file, some]'))).toEqual([
    refused('`all`, `some`'),
    unknown('5:37', 'amuont'),
    '6:16: topology: nothing reads from `few`; its rows would be lost',
    unknown('6:36', 'other'),
  ]);
  // What comes in is not known for certain here.
  expect(await problemsOf(circle('[some]'))).toContainEqual(unknown('5:37', 'amuont'));
});
