import { Buffer } from 'node:buffer';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { decode, type Decoding } from './decoding.ts';
import { everyKind, oddNumbers, oddTexts } from './hostile-input.ts';

// The nightly run tries 100 times as many inputs as the gate does.
const runs = process.env['MILLRACE_NIGHTLY'] ? 200_000 : 2_000;

const number = fc.oneof(
  fc.double().map(String),
  fc.integer().map(String),
  fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }).map(String),
  fc.tuple(fc.nat(99_999), fc.nat(99_999_999)).map(([a, b]) => `${a}.${b}`),
  fc.constantFrom(...oddNumbers),
);
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(...oddTexts, 'x'.repeat(40), '2023-11-14T22:13:20Z'),
);
const space = fc.constantFrom('', '', '', ' ', '\t', '\r');

const jsonValue = fc.oneof(
  { weight: 4, arbitrary: number },
  { weight: 4, arbitrary: text.map((value) => JSON.stringify(value)) },
  fc.constantFrom(
    'true',
    'false',
    'null',
    'nul',
    '"AQI="',
    '"AQI"',
    '{"a":{"a":1,"a":2}}',
    '[1,2]',
  ),
  fc.constantFrom('"\\ud800"', '{"__proto__":1}', '"2023-02-29T00:00:00Z"', '{"n":1e999}', ''),
  fc.json({ maxDepth: 3 }),
);
const key = fc.constantFrom(...everyKind.names, 'extra', 'constructor', 'it\\u0065m');

/** Lines that mostly have one of two shapes, so that the fast path takes many of them. */
const usualLine = fc
  .tuple(
    fc.boolean(),
    fc.boolean(),
    fc.array(jsonValue, { minLength: 9, maxLength: 9 }),
    text,
    number,
  )
  .map(([short, spaced, values, id, value]) => {
    const cells = short
      ? { id: JSON.stringify(id), value, extra: '1' }
      : {
          ...Object.fromEntries(everyKind.names.map((name, at) => [name, values[at]])),
          id: JSON.stringify(id),
        };
    const [comma, colon] = spaced ? [', ', ': '] : [',', ':'];
    return `{${Object.entries(cells)
      .map(([name, cell]) => `"${name}"${colon}${cell}`)
      .join(comma)}}`;
  });
const plainLine = fc
  .tuple(
    fc.constantFrom('a', 'b', 'sensor-0012', 'é'),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.nat(9),
  )
  .map(([id, value, count]) =>
    JSON.stringify({ id, at: 1_700_000_000_000 + count, value, note: id, count }),
  );
const oddLine = fc
  .array(fc.tuple(key, space, space, jsonValue), { maxLength: 8 })
  .map((members) => `{${members.map(([name, a, b, v]) => `"${name}"${a}:${b}${v}`).join(',')}}`);
const line = fc.oneof(
  { weight: 4, arbitrary: plainLine },
  { weight: 4, arbitrary: usualLine },
  { weight: 2, arbitrary: oddLine },
  fc.string({ unit: 'binary', maxLength: 10 }),
  fc.constantFrom('', ' ', '[]', '5', '{}', '{', 'NaN', '{"id":"a"}{"id":"b"}', '[[[['.repeat(20)),
);
const lineEnd = fc.constantFrom('\n', '\n', '\n', '\r\n', '\r');
const ndjson = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.tuple(line, lineEnd), { maxLength: 12 }),
    fc.option(fc.tuple(fc.nat(), fc.nat(255))),
  )
  .map(([mark, lines, damage]) => {
    const bytes = Buffer.from(
      (mark ? '\ufeff' : '') + lines.map((parts) => parts.join('')).join(''),
    );
    // One byte that may be anything, also in the middle of a sequence.
    if (damage !== null && bytes.length > 0) bytes[damage[0] % bytes.length] = damage[1];
    return bytes;
  });

const cellText = fc.oneof(
  number,
  text,
  text.map((value) => `"${value.replaceAll('"', '""')}"`),
  fc.constantFrom(
    '',
    '""',
    '"a""b"',
    '"a\nb"',
    'a"b',
    '"a"b',
    '"open',
    'TRUE',
    'false',
    '+5',
    '.5',
    '007',
    ' 1',
    '\r',
  ),
  fc.constantFrom(
    '{"a":1}',
    '"{""a"":1}"',
    'AQI=',
    '2023-11-14T22:13:20.5Z',
    '1e999',
    '9007199254740993',
  ),
);
const csvLine = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom('a', 'é', '"b"'), number, fc.nat(9))
      .map((cells) => cells.join(',') + ','.repeat(6)),
  },
  {
    weight: 3,
    arbitrary: fc.array(cellText, { minLength: 8, maxLength: 10 }).map((cells) => cells.join(',')),
  },
  fc.constantFrom('', 'a', ','.repeat(8), 'x,'.repeat(9)),
);
const csv = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.tuple(csvLine, lineEnd), { maxLength: 10 }),
    fc.option(fc.tuple(fc.nat(), fc.nat(255))),
  )
  .map(([mark, lines, damage]) => {
    const header = `${mark ? '\ufeff' : ''}id,value,count,total,ok,note,raw,more,extra\n`;
    const bytes = Buffer.from(header + lines.map((parts) => parts.join('')).join(''));
    if (damage !== null) {
      const at = header.length + 2 + (damage[0] % 200);
      if (at < bytes.length) bytes[at] = damage[1];
    }
    return bytes;
  });

const options = fc.record({
  encoding: fc.constantFrom('utf-8', 'latin1', 'replace'),
  number: fc.constantFrom('error', 'string', 'lossy'),
  rowsMax: fc.constantFrom(1, 3, 4096),
  recordBytesMax: fc.constantFrom(60, 200, 1_048_576),
  path: fc.constantFrom('kernels', 'twin'),
});
const chunkBytes = fc.constantFrom(1, 2, 3, 7, 64, 1_000_000);

describe.each([
  ['ndjson', ndjson],
  ['csv', csv],
] as const)('%s', (format, input) => {
  test('kernels and twin give what the slow path gives, whatever the chunks', () => {
    fc.assert(
      fc.property(input, options, chunkBytes, fc.boolean(), (bytes, chosen, size, refuse) => {
        const extraFields = refuse && format === 'ndjson' ? 'error' : 'ignore';
        const how: Decoding = { ...chosen, extraFields };
        const slow = decode(format, everyKind, bytes, { ...how, path: 'slow' });
        expect(decode(format, everyKind, bytes, { ...how, chunkBytes: size })).toEqual(slow);
      }),
      { numRuns: runs },
    );
  });

  test('each record that is not blank becomes a row or a dead letter', () => {
    fc.assert(
      fc.property(input, (bytes) => {
        const { positions, failed, position } = decode(format, everyKind, bytes);
        expect(position).toBe(bytes.length);
        const starts = [...positions, ...failed.map((record) => record.position)];
        expect(new Set(starts).size).toBe(starts.length);
      }),
      { numRuns: runs },
    );
  });

  test('decoding resumes behind any batch', () => {
    fc.assert(
      fc.property(input, fc.nat(), (bytes, cut) => {
        const whole = decode(format, everyKind, bytes);
        const starts = whole.positions;
        if (starts.length === 0) return;
        const position = starts[cut % starts.length]!;
        const columns = whole.columns === null ? {} : { columns: whole.columns };
        const rest = decode(format, everyKind, bytes.subarray(position), { position, ...columns });
        expect(rest.positions).toEqual(starts.filter((start) => start >= position));
        expect(rest.rows).toEqual(whole.rows.slice(cut % starts.length));
      }),
      { numRuns: runs / 4 },
    );
  });
});
