import { argv, stdout } from 'node:process';

import { Batch, schema, toObject } from '../../src/batch/index.ts';
import { bindRow, createRow, createRowLoops, moveRow, readRow } from '../../src/batch/row.ts';

/** Names as a header cell may hold them; run as code, each sets `globalThis.ran`. */
export const hostileNames: string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '',
  '0',
  ' ',
  '"];globalThis.ran=1//',
  '"];process.exit(1)//',
  "'];globalThis.ran=1//",
  '`];globalThis.ran=1//',
  '${globalThis.ran=1}',
  '`${globalThis.ran=1}`',
  '\\"];globalThis.ran=1//',
  '\n"];globalThis.ran=1\n//',
  '\r\nglobalThis.ran=1',
  '\u2028globalThis.ran=1\u2029',
  '*/globalThis.ran=1/*',
  '//# sourceURL=x\nglobalThis.ran=1',
  '] () { globalThis.ran=1 } get [0',
  '(() => { globalThis.ran = 1 })()',
  '#c0',
  '#i',
  'this.#c0',
  '\ud800',
  'get',
  'static',
  'super',
  'null',
];

/** Reads rows with all these names in every way there is. */
export function readHostile(): { failures: string[]; ran: unknown } {
  const failures: string[] = [];
  const kinds = ['text', 'float64?', 'category?', 'json', 'bool'] as const;
  const values = ['text', 1.5, null, { a: 1 }, true];
  for (const [shift] of kinds.entries()) {
    const fields = hostileNames.map(
      (name, at) => [name, kinds[(at + shift) % kinds.length]!] as const,
    );
    const record = Object.fromEntries(
      hostileNames.map((name, at) => [name, values[(at + shift) % kinds.length]]),
    );
    const made = schema(Object.fromEntries(fields));
    const batch = Batch.from([record as never], made);
    const cursor = createRow(made);
    bindRow(cursor, batch.columns);
    moveRow(cursor, 0);
    for (const name of hostileNames) {
      const expected = JSON.stringify(record[name]);
      const seen = [
        (cursor as unknown as Record<string, unknown>)[name],
        readRow(cursor)[name],
        toObject(cursor as never)[name],
        batch.toRows()[0]![name],
        batch.rowAt(0)[name],
        batch.column(name).value(0),
      ];
      createRowLoops().each(
        cursor,
        batch.rows,
        1,
        (row: Record<string, unknown>) => row[name],
        (_, result) => void seen.push(result),
        (_, thrown) => void seen.push(thrown),
      );
      for (const [way, value] of seen.entries()) {
        if (JSON.stringify(value) !== expected)
          failures.push(`${JSON.stringify(name)} by way ${way}: ${String(value)}`);
      }
    }
    const names = Object.keys(batch.toRows()[0]!);
    if (names.length !== hostileNames.length) failures.push(`${names.length} names`);
    if (Object.getPrototypeOf(batch.toRows()[0]) !== Object.prototype)
      failures.push('prototype changed');
  }
  return { failures, ran: (globalThis as { ran?: unknown }).ran };
}

if (argv[2] === 'print') stdout.write(`${JSON.stringify(readHostile())}\n`);
