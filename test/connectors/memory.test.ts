import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';

import { Batch, schema, Selection } from '../../src/batch/index.ts';
import { memorySink, memorySource } from '../../src/connectors/memory.ts';
import { Cut, type SourceComponent } from '../../src/core/index.ts';
import { createSource } from './created.ts';
import { openSink } from './planned.ts';

const readings = schema({ id: 'category', value: 'float64?' });
const rows = Array.from({ length: 10 }, (_, at) => ({
  id: `id-${at % 3}`,
  value: at % 4 === 0 ? null : at,
}));
/** For the nightly sizes. */
const long = { timeout: 900_000 };

const never = new AbortController().signal;

describe('a memory source', () => {
  test('gives its rows in order, in batches of the size asked for', async () => {
    const { batches, output } = await createSource(memorySource({ schema: readings, rows }), {
      limits: { rowsMax: 4 },
    });
    const read = await batches();
    expect(output.equals(readings)).toBe(true);
    expect(read.map(({ length }) => length)).toEqual([4, 4, 2]);
    expect(read.flatMap((batch) => batch.toRows())).toEqual(rows);
    expect(read[1]!.origin).toMatchObject({ source: 'source' });
    expect(read[1]!.origin.position(0)).toBe(4);
  });

  test('closes a batch that is large', async () => {
    const texts = Array.from({ length: 6 }, () => ({ text: 'x'.repeat(1000) }));
    const source = memorySource({ schema: schema({ text: 'text' }), rows: texts });
    const { batches } = await createSource(source, { limits: { bytesMax: 2000 } });
    expect((await batches()).map(({ length }) => length)).toEqual([2, 2, 2]);
  });

  test('reads a timestamp in milliseconds or as RFC 3339, as in a config', async () => {
    const at = [1, '2026-01-01T00:00:00Z', '2026-01-01T01:00:00.5+01:00', 'noon', null];
    const source = memorySource({
      schema: schema({ at: 'timestamp?', note: 'text' }),
      rows: at.map((when) => ({ at: when, note: String(when) })) as never,
    });
    const { batches, tally } = await createSource(source);
    const start = Date.UTC(2026, 0, 1);
    const read = (await batches()).flatMap((batch) => batch.toRows());
    expect(read.map((row) => row['at'])).toEqual([1, start, start + 500, null]);
    expect(tally.failures).toMatchObject([{ position: 3, reason: 'field.type' }]);
    expect(Buffer.from(tally.failures[0]!.record as Uint8Array).toString()).toContain('"noon"');
  });

  test('makes dead letters of rows that do not fit, and only of them', async () => {
    const mixed = [
      rows[0],
      { id: 7, value: 1 },
      null,
      { id: 'a' },
      { value: 1 },
      { id: 'b', value: 10n },
      rows[1],
    ];
    const source = memorySource({ schema: readings, rows: mixed as typeof rows });
    const { batches, tally } = await createSource(source, { limits: { rowsMax: 3 } });
    const read = await batches();
    expect(read.flatMap((batch) => batch.toRows())).toEqual([
      rows[0],
      { id: 'a', value: null },
      rows[1],
    ]);
    expect(
      read.flatMap((batch) =>
        Array.from(batch.rows.subarray(0, batch.length), (row) => batch.origin.position(row)),
      ),
    ).toEqual([0, 3, 6]);
    const letters = tally.failures.map((failure) => ({
      ...failure,
      record: Buffer.from(failure.record as Uint8Array).toString(),
    }));
    expect(letters).toMatchObject([
      { position: 1, reason: 'field.type', record: '{"id":7,"value":1}' },
      { position: 2, reason: 'field.type', record: 'null' },
      { position: 4, reason: 'field.missing', message: 'field `id` is missing' },
      { position: 5, reason: 'field.type', record: '{"id":"b","value":"10"}' },
    ]);
  });

  test('makes a dead letter of a record that is no JSON either', async () => {
    const circular: Record<string, unknown> = { id: 7 };
    circular['self'] = circular;
    const source = memorySource({ schema: readings, rows: [circular as never, rows[0]!] });
    const { rows: read, tally } = await createSource(source);
    expect(await read()).toEqual([rows[0]]);
    expect(tally.failures).toMatchObject([{ position: 0, reason: 'field.type' }]);
  });

  test('gives the engine a turn between dead letters, however many there are', async () => {
    const bad = Array.from({ length: 10 }, () => ({ id: 1 }));
    const source = memorySource({ schema: readings, rows: bad as never });
    const { batches, tally } = await createSource(source, { limits: { rowsMax: 3 } });
    expect((await batches(1)).map(({ length }) => length)).toEqual([0]);
    expect(tally.failures).toHaveLength(3);
  });

  test('goes on behind any batch of an earlier run, refused rows and all', long, async () => {
    const some = fc.array(
      fc.constantFrom<unknown>({ id: 'a', value: 1 }, { id: 'b' }, { id: 1 }, {}),
      { maxLength: 30 },
    );
    const property = fc.asyncProperty(
      some,
      fc.integer({ min: 1, max: 9 }),
      fc.nat(10),
      async (records, rowsMax, stopAfter) => {
        const component = memorySource({ schema: readings, rows: records as typeof rows });
        const whole = await createSource(component);
        const first = await createSource(component, { limits: { rowsMax } });
        const before = await first.rows(stopAfter);
        const from = first.connector.position();
        const second = await createSource(component, { from });
        expect([...before, ...(await second.rows())]).toEqual(await whole.rows());
        expect(first.tally.dead + second.tally.dead).toBe(whole.tally.dead);
      },
    );
    await fc.assert(property, { numRuns: process.env['MILLRACE_NIGHTLY'] ? 20_000 : 200 }); // two runs each
  });

  test('gives batches as they are, numbered as its own', async () => {
    const plain = Batch.from(rows, readings, { source: 'elsewhere', position: 100 });
    const some = plain.select(new Selection(Uint32Array.of(2, 3, 7), 3));
    const component = memorySource({ schema: readings, batches: [plain, some] });
    const { batches } = await createSource(component);
    const read = await batches();
    expect(read.map((batch) => batch.toRows())).toEqual([rows, [rows[2], rows[3], rows[7]]]);
    expect(read[0]!.column('id')).toBe(plain.column('id'));
    expect(read.map(({ origin }) => [origin.source, origin.position(2)])).toEqual([
      ['source', 2],
      ['source', 12],
    ]);
    for (const batch of read) batch.release();
    // The source's own hold is left, for a run that resumes.
    expect((await (await createSource(component)).rows()).length).toBe(13);
    for (const [from, left] of [
      [0, 13],
      [4, 9],
      [10, 3],
      [13, 2],
      [20, 0],
      [99, 0],
    ] as const) {
      expect((await (await createSource(component, { from })).rows()).length).toBe(left);
    }
  });

  test('types the rows of its schema', () => {
    const typed = memorySource({ schema: readings, rows: [{ id: 'a', value: null }] });
    expectTypeOf(typed).toExtend<SourceComponent<(typeof readings)['shape']>>();
    expect(typed.kind).toBe('source');
    // @ts-expect-error a number is no category
    memorySource({ schema: readings, rows: [{ id: 1, value: null }] });
  });

  test('reads its schema as config files write it', async () => {
    const written = {
      schema: { id: 'category', n: 'int64?' },
      rows: [{ id: 'a', n: 5 }, { id: 'b' }],
    };
    const { rows: read } = await createSource(memorySource(written as never));
    expect(await read()).toEqual([
      { id: 'a', n: 5n },
      { id: 'b', n: null },
    ]);
  });

  test.each([
    [{ schema: { id: 'categry' }, rows: [] }, 'did you mean `category`?'],
    [{ schema: { id: 'text' } }, 'give either `rows` or `batches`'],
    [{ schema: { id: 'text' }, rows: [], batches: [] }, 'give either `rows` or `batches`'],
    [{ schema: { id: 'text' }, rows: 'abc' }, 'takes a list of records'],
    [{ schema: { id: 'text' }, rows: [], other: 1 }, 'other'],
  ])('refuses the options %j', async (options, message) => {
    await expect(createSource(memorySource(options as never))).rejects.toThrow(message);
  });

  test.each(['a', -1, 1.5, { at: 1 }])('refuses the position %j', async (from) => {
    const opened = createSource(memorySource({ schema: readings, rows }), { from });
    await expect(opened).rejects.toThrow('ERR_SNAPSHOT_INVALID [source]');
  });
});

describe('a memory sink', () => {
  test('keeps what was written, and knows what of it was committed', async () => {
    const sink = memorySink();
    const { connector } = await openSink(sink, readings);
    await connector.write(Batch.from(rows.slice(0, 3), readings), never);
    await connector.commit(new Cut(1), never);
    await connector.write(Batch.from(rows.slice(3, 5), readings), never);
    expect(sink.rows).toEqual(rows.slice(0, 5));
    expect(sink.committed).toEqual(rows.slice(0, 3));
  });

  test('keeps records, not views: buffers that are used again change nothing', async () => {
    const sink = memorySink();
    const { connector } = await openSink(sink, readings);
    const batch = Batch.from(rows, readings);
    await connector.write(batch, never);
    batch.release();
    Batch.from(
      rows.map(() => ({ id: 'other', value: -1 })),
      readings,
    );
    expect(sink.rows).toEqual(rows);
  });

  test('takes back what was not committed when a later run opens it', async () => {
    const sink = memorySink();
    const first = await openSink(sink, readings);
    await first.connector.write(Batch.from(rows.slice(0, 2), readings), never);
    await first.connector.commit(new Cut(1), never);
    await first.connector.write(Batch.from(rows.slice(2, 4), readings), never);
    const second = await openSink(sink, readings);
    expect(sink.rows).toEqual(rows.slice(0, 2));
    await second.connector.write(Batch.from(rows.slice(2, 4), readings), never);
    expect(sink.rows).toEqual(rows.slice(0, 4));
  });

  test('is full at its limit, and then takes nothing of a batch', async () => {
    const sink = memorySink({ rowsMax: 4 });
    const { connector } = await openSink(sink, readings);
    await connector.write(Batch.from(rows.slice(0, 3), readings), never);
    const refused = connector.write(Batch.from(rows.slice(3, 5), readings), never);
    await expect(refused).rejects.toThrow('ERR_CONNECTOR_FULL [sink] it keeps 4 rows at most');
    expect(sink.rows).toHaveLength(3);
    await connector.write(Batch.from(rows.slice(3, 4), readings), never);
  });

  test('types its rows by a schema, and demands it', async () => {
    const sink = memorySink({ schema: readings });
    expectTypeOf(sink.rows).toEqualTypeOf<
      readonly { readonly id: string; readonly value: number | null }[]
    >();
    const other = schema({ id: 'text' });
    // @ts-expect-error: it lacks `value`
    await expect(openSink(sink, other)).rejects.toThrow('ERR_BATCH_SCHEMA [memory] the rows are');
  });

  test('each call makes a sink of its own', async () => {
    const [one, other] = [memorySink(), memorySink()];
    const { connector } = await openSink(one, readings);
    await connector.write(Batch.from(rows, readings), never);
    expect(other.rows).toEqual([]);
  });
});
