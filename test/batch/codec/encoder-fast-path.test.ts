import { Buffer } from 'node:buffer';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { EncodeOptions, Encoder } from '../../../src/batch/codec.ts';
import {
  Batch,
  BatchBuilder,
  type RecordOf,
  schema,
  type Schema,
  Selection,
} from '../../../src/batch/index.ts';
import { CsvEncoder } from '../../../src/batch/codec/csv-encoder.ts';
import type { CodecPath } from '../../../src/batch/codec/kernels.ts';
import { JsonEncoder } from '../../../src/batch/codec/json-encoder.ts';

// The nightly run tries 100 times as many inputs as the gate does.
const runs = process.env['MILLRACE_NIGHTLY'] ? 100_000 : 1_000;

const readings = schema({
  id: 'category',
  'a"];throw "b\n': 'float64',
  '': 'float64?',
  at: 'timestamp?',
  count: 'int32',
  total: 'int64?',
  ok: 'bool?',
  unit: 'category?',
  note: 'text?',
  more: 'json?',
});
type Reading = RecordOf<(typeof readings)['shape']>;

const value = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.tuple(fc.nat(99_999), fc.nat(9999)).map(([whole, part]) => whole + part / 1e4),
  fc.constantFrom(NaN, Infinity, -Infinity, -0),
);
const text = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('', 'C', 'kPa', 'sensor-0012', '"', 'a,b', 'é', '=1') },
  { weight: 10, arbitrary: fc.string({ unit: 'binary', maxLength: 9 }) },
  { weight: 2, arbitrary: fc.constant('x'.repeat(250)) },
  // Beyond what the fast path makes room for.
  { weight: 1, arbitrary: fc.constant('y'.repeat(300)) },
);
// Longer than what the kernels take at once.
const long = 'z"'.repeat(300_000);
const note = fc.oneof(
  { weight: 500, arbitrary: text },
  { weight: 1, arbitrary: fc.constant(long) },
);
const reading = fc.record({
  id: text,
  'a"];throw "b\n': value,
  '': fc.option(value),
  at: fc.option(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 })),
  count: fc.integer(),
  total: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  ok: fc.option(fc.boolean()),
  unit: fc.option(text),
  note: fc.option(note),
  more: fc.option(fc.jsonValue({ maxDepth: 2 })),
}) as fc.Arbitrary<Reading>;

/** Rows of one batch, and which of them count. */
const batches = fc.array(
  fc.record({ rows: fc.array(reading, { maxLength: 6 }), kept: fc.array(fc.boolean()) }),
  { maxLength: 4 },
);

type Create = (of: Schema, options: EncodeOptions, path: CodecPath) => Encoder;
const paths: readonly CodecPath[] = ['kernels', 'twin', 'slow'];
const formats: Record<string, Create> = {
  ndjson: (of, options, path) => new JsonEncoder(of, options, false, path),
  json: (of, options, path) => new JsonEncoder(of, options, true, path),
  csv: (of, options, path) => new CsvEncoder(of, options, path),
};

describe.each(Object.entries(formats))('%s', (_, create) => {
  test('the kernels and their twin write what the slow path writes', () => {
    const options = fc.record({
      timestamps: fc.constantFrom('ms' as const, 'iso' as const),
      pretty: fc.boolean(),
      excelSafe: fc.boolean(),
      decimals: fc.dictionary(fc.constantFrom('a"];throw "b\n', ''), fc.nat(15)),
    });
    fc.assert(
      fc.property(batches, options, (given, how) => {
        const [kernels, twin, slow] = paths.map((path) => encode(create, given, how, path));
        expect(kernels).toEqual(slow);
        expect(twin).toEqual(slow);
      }),
      { numRuns: runs },
    );
  });
});

test('a large batch is written in parts, with room for what it takes and not for what it might', () => {
  const fields = schema({ n: 'float64', unit: 'category' });
  const rows = Array.from({ length: 50_000 }, (_, n) => ({ n, unit: n % 2 === 0 ? 'C' : 'kPa' }));
  const batch = Batch.from(rows, fields);
  const [kernels, twin, slow] = paths.map((path) =>
    new JsonEncoder(fields, {}, false, path).encode(batch),
  );
  for (const fast of [kernels!, twin!]) {
    expect(Buffer.compare(fast, slow!)).toBe(0);
    expect(fast.buffer.byteLength).toBeLessThan(3 * fast.length);
  }
});

interface Given {
  readonly rows: readonly Reading[];
  readonly kept: readonly boolean[];
}

function encode(
  create: Create,
  given: readonly Given[],
  options: EncodeOptions,
  path: CodecPath,
): { text: string; counts: Record<string, number> } {
  const counts: Record<string, number> = {};
  const counted = (what: string, count: number): void => {
    counts[what] = (counts[what] ?? 0) + count;
  };
  const encoder = create(readings, { ...options, report: { counted } }, path);
  let written = Buffer.from(encoder.begin()).toString();
  // Batches of one builder share their dictionaries while these grow.
  const builder = new BatchBuilder(readings);
  for (const { rows, kept } of given) {
    for (const row of rows) builder.append(row);
    const batch = builder.finish();
    const selected = rows.flatMap((_, row) => (kept[row] === false ? [] : [row]));
    const selection = new Selection(Uint32Array.from(selected), selected.length);
    written += Buffer.from(encoder.encode(batch.select(selection))).toString();
  }
  return { text: written + Buffer.from(encoder.end()).toString(), counts };
}
