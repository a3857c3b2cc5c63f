import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createDecoder } from '../../src/batch/codec.ts';
import {
  Batch,
  BatchBuilder,
  BytesColumn,
  type CategoryColumn,
  type Dictionary,
  FixedColumn,
  Origin,
  schema,
  Selection,
} from '../../src/batch/index.ts';
import {
  type BatchMessage,
  BatchReceiver,
  BatchSender,
  type SharedRoom,
} from '../../src/batch/transfer.ts';
import type { PipelineError } from '../../src/errors.ts';

const report = { failed: () => {}, counted: () => {} };

/** For the nightly sizes. */
const long = { timeout: 900_000 };

const everyKind = schema({
  n: 'float64?',
  i: 'int32?',
  big: 'int64?',
  at: 'timestamp?',
  ok: 'bool?',
  id: 'category?',
  text: 'text?',
  raw: 'bytes?',
  doc: 'json?',
});

const row = fc.record({
  n: fc.option(fc.double()),
  i: fc.option(fc.integer()),
  big: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  at: fc.option(fc.integer()),
  ok: fc.option(fc.boolean()),
  id: fc.option(fc.constantFrom('a', 'b', 'c', '')),
  text: fc.option(fc.string({ unit: 'grapheme' })),
  raw: fc.option(fc.uint8Array()),
  doc: fc.option(fc.constantFrom(1, 'x', [1, { a: null }])),
});

/** The way through a channel within one thread: the same copying and moving, at once. */
class Channel {
  readonly #ports = new MessageChannel();
  readonly sender = new BatchSender();
  readonly receiver = new BatchReceiver();

  pass(batch: Batch): { message: BatchMessage; batch: Batch } {
    const { message, transferList } = this.sender.toMessage(batch);
    this.#ports.port1.postMessage(message, transferList);
    const received = receiveMessageOnPort(this.#ports.port2) as { message: BatchMessage };
    return { message, batch: this.receiver.fromMessage(received.message) };
  }

  close(): void {
    this.#ports.port1.close();
  }
}

function rowsOrCode(batch: Batch): unknown {
  try {
    return batch.toRows();
  } catch (error) {
    return (error as PipelineError).code;
  }
}

function using<T>(run: (channel: Channel) => T): T {
  const channel = new Channel();
  try {
    return run(channel);
  } finally {
    channel.close();
  }
}

describe('a batch sent to another thread', () => {
  test('arrives as it was, whoever holds it and whichever rows count', long, () => {
    const step = fc.record({
      rows: fc.array(row, { maxLength: 30 }),
      held: fc.boolean(),
      every: fc.integer({ min: 1, max: 3 }),
    });
    const property = fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
      using((channel) => {
        const builder = new BatchBuilder(everyKind, { source: 's', partition: 'p', position: 5 });
        for (const { rows, held, every } of steps) {
          for (const record of rows) builder.append(record as never);
          let batch: Batch = builder.finish();
          if (every > 1) {
            const kept = batch.rows.slice(0, batch.length).filter((at) => at % every === 0);
            const selected = batch.select(new Selection(kept, kept.length));
            batch.release();
            batch = selected;
          }
          if (held) batch.retain();
          const expected = batch.toRows();
          const ids = Array.from(batch.rows.subarray(0, batch.length), (at) =>
            batch.origin.recordId(at),
          );
          const arrived = channel.pass(batch).batch;
          expect(arrived.toRows()).toEqual(expected);
          expect(expected.map((_, at) => arrived.origin.recordId(at))).toEqual(ids);
          expect(arrived.holders).toBe(1);
          expect(rowsOrCode(batch)).toEqual(held ? expected : 'ERR_BATCH_RELEASED');
          arrived.release();
        }
      });
    });
    fc.assert(property, { numRuns: process.env['MILLRACE_NIGHTLY'] ? 10_000 : 150 }); // channels
  });

  test('moves its buffers where nobody else holds them', () => {
    using((channel) => {
      const batch = Batch.from(
        [{ n: 1, text: 'a', id: 'x' }],
        schema({ n: 'float64', text: 'text', id: 'category' }),
      );
      const number = (batch.column('n') as FixedColumn).values;
      const text = batch.column('text') as BytesColumn;
      const category = batch.column('id') as CategoryColumn;
      expect(channel.pass(batch).batch.toRows()).toEqual([{ n: 1, text: 'a', id: 'x' }]);
      // A moved buffer is empty where it was.
      for (const { byteLength } of [number, text.data, text.offsets, category.codes])
        expect(byteLength).toBe(0);
    });
  });

  test.each(['the batch', 'a column'])(
    'copies its buffers where somebody else holds %s',
    (what) => {
      using((channel) => {
        const batch = Batch.from([{ n: 1 }], schema({ n: 'float64' }));
        const other =
          what === 'the batch' ? batch.retain() : batch.withColumns(batch.schema, batch.columns);
        const arrived = channel.pass(batch).batch;
        (arrived.column('n') as FixedColumn<Float64Array>).values[0] = 9;
        expect(other.toRows()).toEqual([{ n: 1 }]);
      });
    },
  );

  test('keeps the positions of rows where somebody else holds their origin', () => {
    using((channel) => {
      const decode = (): Batch => {
        const decoder = createDecoder('ndjson', schema({ n: 'int32' }), { report });
        decoder.push(Buffer.from('{"n":1}\n'.repeat(4096)));
        return decoder.next()!;
      };
      const batch = decode();
      const other = batch.withColumns(batch.schema, batch.columns);
      const { message, transferList } = channel.sender.toMessage(batch);
      const arrived = channel.receiver.fromMessage(
        structuredClone(message, { transfer: transferList }),
      );
      for (const { origin } of [other, arrived]) expect(origin.position(4095)).toBe(8 * 4095);
      expect(other.toRows()[4095]).toEqual({ n: 1 });
    });
  });

  test('does not send positions that are given back and used for the rows of another batch', () => {
    using((channel) => {
      const decoder = createDecoder('ndjson', schema({ n: 'int32' }), { report });
      decoder.push(Buffer.from('{"n":1}\n'.repeat(8192)));
      const { message, transferList } = channel.sender.toMessage(decoder.next()!);
      const next = decoder.next()!;
      const arrived = channel.receiver.fromMessage(
        structuredClone(message, { transfer: transferList }),
      );
      expect(arrived.origin.position(0)).toBe(0);
      expect(next.origin.position(0)).toBe(8 * 4096);
    });
  });

  test('leaves alone the empty buffer that decoded columns without text share', () => {
    using((channel) => {
      for (let round = 0; round < 2; round++) {
        const decoder = createDecoder('ndjson', schema({ text: 'text?' }), { report });
        decoder.push(Buffer.from('{"text":null}\n{"text":""}\n'));
        decoder.end();
        const arrived = channel.pass(decoder.next()!).batch;
        expect(arrived.toRows()).toEqual([{ text: null }, { text: '' }]);
      }
    });
  });

  test('copies what is only a part of a buffer, and bitmaps, which columns may share', () => {
    using((channel) => {
      const pool = Buffer.from('abcdef');
      const validity = Uint8Array.of(0b01);
      const columns = [
        new BytesColumn('text', Int32Array.of(0, 2, 2), pool.subarray(0, 2), validity),
        new FixedColumn('int32', Int32Array.of(1, 2), validity),
      ];
      const batch = new Batch(
        schema({ a: 'text?', b: 'int32?' }),
        columns,
        2,
        new Origin('s', '', 0),
      );
      const arrived = channel.pass(batch).batch;
      expect(arrived.toRows()).toEqual([
        { a: 'ab', b: 1 },
        { a: null, b: null },
      ]);
      expect([pool.toString(), validity.length]).toEqual(['abcdef', 1]);
    });
  });

  test('sends each value of a dictionary once', () => {
    using((channel) => {
      const builder = new BatchBuilder(schema({ id: 'category', unit: 'category' }));
      const sent = (rows: { id: string; unit: string }[]): unknown => {
        for (const record of rows) builder.append(record);
        const { message, batch } = channel.pass(builder.finish());
        expect(batch.toRows()).toEqual(rows);
        return message.dictionaries.map(({ values }) => values);
      };
      expect(
        sent([
          { id: 'a', unit: 'C' },
          { id: 'b', unit: 'C' },
        ]),
      ).toEqual([['a', 'b'], ['C']]);
      expect(sent([{ id: 'a', unit: 'C' }])).toEqual([]);
      expect(
        sent([
          { id: 'c', unit: 'C' },
          { id: 'a', unit: '%' },
        ]),
      ).toEqual([['c'], ['%']]);
    });
  });

  test('gives one dictionary for one dictionary, so that what is kept for it stays useful', () => {
    using((channel) => {
      const builder = new BatchBuilder(schema({ id: 'category' }));
      const dictionaryOf = (id: string): Dictionary => {
        builder.append({ id });
        return (channel.pass(builder.finish()).batch.column('id') as CategoryColumn).dictionary;
      };
      expect(dictionaryOf('a')).toBe(dictionaryOf('b'));
    });
  });

  test('remembers a bounded number of dictionaries, and sends one anew that was forgotten', () => {
    using((channel) => {
      const ids = schema({ id: 'category' });
      const first = Batch.from([{ id: 'first' }], ids);
      expect(channel.pass(first.retain()).message.dictionaries).toHaveLength(1);
      expect(channel.pass(first.retain()).message.dictionaries).toHaveLength(0);
      const forgotten: number[] = [];
      for (let at = 0; at < 200; at++) {
        forgotten.push(...channel.pass(Batch.from([{ id: `other ${at}` }], ids)).message.forgotten);
      }
      expect(forgotten).toHaveLength(201 - 64);
      const again = channel.pass(first.retain());
      expect(again.message.dictionaries).toHaveLength(1);
      expect(again.batch.toRows()).toEqual([{ id: 'first' }]);
    });
  });

  test('uses more dictionaries in one batch than it remembers', () => {
    using((channel) => {
      const names = Array.from({ length: 100 }, (_, at) => `f${at}`);
      const wide = schema(Object.fromEntries(names.map((name) => [name, 'category' as const])));
      const record = Object.fromEntries(names.map((name) => [name, `value of ${name}`]));
      for (let time = 0; time < 3; time++) {
        expect(channel.pass(Batch.from([record], wide)).batch.toRows()).toEqual([record]);
      }
    });
  });

  test('must come in order, and all of it', () => {
    const sender = new BatchSender();
    const batch = Batch.from([{ n: 1 }], schema({ n: 'int32' }));
    const [, second] = [sender.toMessage(batch.retain()), sender.toMessage(batch)];
    expect(() => new BatchReceiver().fromMessage(second.message)).toThrow(
      'ERR_CONNECTOR_PROTOCOL [transfer] message 1 came where message 0 was due',
    );
  });
});

describe('a real worker', () => {
  let worker: Worker;
  beforeAll(() => {
    worker = new Worker(new URL('transfer-worker.ts', import.meta.url));
  });
  afterAll(async () => {
    await worker.terminate();
  });

  test('gets batches and sends them back', async () => {
    const [sender, receiver] = [new BatchSender(), new BatchReceiver()];
    const builder = new BatchBuilder(everyKind, { source: 'here' });
    for (const records of fc.sample(fc.array(row, { maxLength: 50 }), { numRuns: 20, seed: 1 })) {
      for (const record of records) builder.append(record as never);
      const { message, transferList } = sender.toMessage(builder.finish());
      worker.postMessage(message, transferList);
      const [answer] = (await once(worker, 'message')) as [BatchMessage];
      const back = receiver.fromMessage(answer);
      expect(back.toRows()).toEqual(records);
      expect(back.origin.source).toBe('here');
    }
  });
});

test.each([
  ['all rows', 1, 0],
  ['those that count, gathered there', 3, 4096],
  ['those that count, as far as there is room', 3, 200],
] as const)('values put into shared memory are the batch’s own: %s', (_, every, bytes) => {
  const memory = new SharedArrayBuffer(bytes === 0 ? 4096 : bytes);
  let end = 0;
  const room: SharedRoom = {
    take: (type, length) => {
      const at = end;
      const behind = at + Math.ceil((length * type.BYTES_PER_ELEMENT) / 8) * 8;
      if (behind > memory.byteLength) return undefined;
      end = behind;
      const view = type as unknown as new (...part: unknown[]) => InstanceType<typeof type>;
      return new view(memory, at, length);
    },
    has: ({ buffer }) => buffer === memory,
  };
  const rows = schema({ at: 'float64', id: 'category', note: 'text?', ok: 'bool' });
  const [sender, receiver] = [new BatchSender(), new BatchReceiver()];
  const { port1, port2 } = new MessageChannel();
  for (const first of [0, 40, 80]) {
    end = 0;
    const records = Array.from({ length: 40 }, (_, at) => ({
      at: first + at,
      id: `s${at % 3}`,
      note: at % 5 === 0 ? null : `note ${first + at}`,
      ok: at % 2 === 0,
    }));
    const whole = Batch.from(records, rows, { source: 'in', position: 7 });
    const kept = Uint32Array.from(records.keys()).filter((at) => at % every === 0);
    const batch = every === 1 ? whole : whole.select(new Selection(kept, kept.length));
    const { message, transferList } = sender.toMessage(batch, room);
    expect(transferList.length > 0).toBe(bytes === 200);
    port1.postMessage(message, transferList);
    const { message: posted } = receiveMessageOnPort(port2) as { message: BatchMessage };
    const received = receiver.fromMessage(posted);
    new Uint8Array(memory).fill(255);
    expect(received.toRows()).toEqual(records.filter((_record, at) => at % every === 0));
    expect(received.origin.position(received.length - 1)).toBe(46);
    received.release();
  }
  port1.close();
});
