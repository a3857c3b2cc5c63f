import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { canaries, canaryEnvironment, expectNoCanary } from './canaries.ts';
import { millrace, temporaryDirectory } from './millrace.ts';

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const cases: readonly (readonly [what: string, code: number, config: string])[] = [
  [
    'a run that works',
    0,
    'source: { file: { path: data.ndjson, schema: { a: text } } }\nstages:\n  - derive: { b: { kind: float64, value: \'1\' } }\n  - rename: { fields: { b: "${env:CANARY_0}" } }\n  - select: { fields: [a] }\nsink: { file: { path: out.ndjson } }\n',
  ],
  [
    'inputs that are not there',
    1,
    `sources:\n${canaries.map((_, at) => `  s${at}: { file: { path: "\${env:CANARY_${at}}", schema: { a: text }, format: ndjson } }`).join('\n')}\nstages: [merge]\nsink: { file: { path: out.ndjson } }\n`,
  ],
  [
    'fields and expressions that are not there',
    78,
    `source: { file: { path: data.ndjson, schema: { a: text } } }
stages:
${canaries
  .map(
    (_, at) => `  - { id: t${at}, from: file, threshold: { field: "\${env:CANARY_${at}}", min: 1 } }
  - { id: f${at}, from: file, filter: { where: "\${env:CANARY_${at}} ==" } }`,
  )
  .join('\n')}
sink: { file: { path: out.ndjson, mode: "\${env:CANARY_1}" } }
`,
  ],
  [
    'an output that cannot be written',
    1,
    'source: { file: { path: data.ndjson, schema: { a: text } } }\nsink: { file: { path: "data.ndjson/${env:CANARY_0}/${env:CANARY_4}", format: ndjson } }\n',
  ],
  [
    'dead letters: their partition is a path',
    0,
    'source: { file: { path: "data-${env:CANARY_0}", format: ndjson, schema: { a: float64 } } }\nsink: { file: { path: out.ndjson } }\n',
  ],
  [
    'dead letters that are shown',
    0,
    'source: { file: { path: "data-${env:CANARY_0}", format: ndjson, schema: { a: float64 } } }\nsink: { file: { path: out.ndjson } }\ndeadLetters: { console: { format: json } }\n',
  ],
  [
    'rows that fail',
    1,
    'source: { file: { path: data.ndjson, schema: { a: float64 } } }\nstages:\n  - derive: { b: { kind: float64, value: \'1\' } }\n  - rename: { fields: { b: "${env:CANARY_0}" } }\n  - select: { fields: [a] }\nsink: { file: { path: out.ndjson } }\nonRowError: fail\n',
  ],
];

describe('no resolved value is seen', () => {
  test.each(cases)('%s', async (_, expected, config) => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'p.yaml'), config);
    for (const name of ['data.ndjson', `data-${canaries[0]}`]) {
      writeFileSync(join(cwd, name), '{"a":"x"}\n{broken\n');
    }
    const words = ['run', 'p.yaml', '--log-level', 'debug', '--report-file', 'report.json'];
    const { code, stdout, stderr } = await millrace(words, { cwd, env: canaryEnvironment });
    const checked = await millrace(['validate', 'p.yaml', '--json'], {
      cwd,
      env: canaryEnvironment,
    });
    expect({ code, stderr }).toMatchObject({ code: expected });
    const written = filesBelow(cwd)
      .filter((path) => !path.endsWith('p.yaml'))
      .map((path) => readFileSync(path, 'utf8'));
    expectNoCanary([stdout, stderr, checked.stdout, checked.stderr, ...written]);
  });
});
