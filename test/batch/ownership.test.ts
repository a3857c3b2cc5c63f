import { Buffer } from 'node:buffer';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createDecoder } from '../../src/batch/codec.ts';
import {
  Batch,
  FixedColumn,
  giveValues,
  schema,
  Selection,
  takeValues,
} from '../../src/batch/index.ts';

/** For the nightly sizes. */
const long = { timeout: 900_000 };

const fields = { id: 'category', n: 'float64', big: 'int64?', note: 'text?' } as const;
const made = schema(fields);
type Row = { id: string; n: number; big: bigint | null; note: string | null };

function rowsOf(seed: number, count: number): Row[] {
  return Array.from({ length: count }, (_, at) => ({
    id: `id-${(seed + at) % 7}`,
    n: seed * 1000 + at,
    big: (seed + at) % 5 === 0 ? null : BigInt(seed * at),
    note: (seed + at) % 4 === 0 ? null : `note ${seed} ${at}`,
  }));
}

describe('ownership', () => {
  const uses: [string, (batch: Batch) => unknown][] = [
    ['toRows', (batch) => batch.toRows()],
    ['rowAt', (batch) => batch.rowAt(0)],
    ['column', (batch) => batch.column('n')],
    ['rows', (batch) => batch.rows],
    ['own', (batch) => batch.own('n')],
    ['compact', (batch) => batch.compact()],
    ['select', (batch) => batch.select(new Selection(new Uint32Array(0), 0))],
    ['withColumns', (batch) => batch.withColumns(batch.schema, batch.columns)],
    ['retain', (batch) => batch.retain()],
    ['release', (batch) => batch.release()],
  ];

  test.each(uses)('%s throws once the last holder has released the batch', (_, use) => {
    for (const keepColumns of [false, true]) {
      const batch = Batch.from(rowsOf(1, 10), made);
      // Also while another batch still holds its columns.
      const other = keepColumns ? batch.withColumns(made, batch.columns) : undefined;
      batch.release();
      expect(() => use(batch)).toThrow('ERR_BATCH_RELEASED [Batch]');
      expect(other?.toRows() ?? rowsOf(1, 10)).toEqual(rowsOf(1, 10));
    }
  });

  test('a selected batch that was released does not show the buffers of others', () => {
    const batch = Batch.from(rowsOf(1, 10), made);
    const some = batch.select(new Selection(takeValues(Uint32Array, 2), 2));
    some.release();
    expect(() => some.compact()).toThrow('ERR_BATCH_RELEASED');
    expect(() => some.rows).toThrow('ERR_BATCH_RELEASED');
  });

  test('buffers are used again once nobody holds them, and not before', () => {
    const values = (): unknown =>
      (Batch.from(rowsOf(1, 10), made).column('n') as FixedColumn).values;
    const first = Batch.from(rowsOf(1, 10), made);
    const buffer = (first.column('n') as FixedColumn).values;
    const second = first.select(new Selection(new Uint32Array(1), 1));
    first.release();
    expect(values()).not.toBe(buffer);
    second.release();
    expect(values()).toBe(buffer);
  });

  test('what full queues give back at once is used again, all of it', () => {
    const taken = Array.from({ length: 200 }, () => takeValues(Float64Array, 4096));
    for (const values of taken) giveValues(values);
    const again = new Set(taken.map(() => takeValues(Float64Array, 4096)));
    expect(again).toEqual(new Set(taken));
  });

  test('positions are used again once no batch made of the rows is held, and not before', () => {
    const read = (): Batch => {
      const report = { failed: () => {}, counted: () => {} };
      const options = { rowsMax: 1024, report };
      const decoder = createDecoder('ndjson', schema({ n: 'float64' }), options);
      decoder.push(Buffer.from('{"n":1}\n'.repeat(1024)));
      return decoder.next()!;
    };
    const positionsOf = ({ origin }: Batch): unknown => origin.toParts().positions;
    const first = read();
    const positions = positionsOf(first);
    const derived = first.select(new Selection(Uint32Array.of(1, 2), 2));
    first.release();
    const columns = [new FixedColumn('float64', new Float64Array(1024))];
    const made = new Batch(derived.schema, columns, 1024, derived.origin);
    const { origin } = derived;
    derived.release();
    const other = read();
    expect(positionsOf(other)).not.toBe(positions);
    expect(made.origin.position(1023)).toBe(8 * 1023);
    made.release();
    expect(positionsOf(read())).toBe(positions);
    expect(() => origin.position(0)).toThrow('ERR_BATCH_RELEASED [Origin]');
    expect(() => new Batch(other.schema, columns, 1024, origin)).toThrow('ERR_BATCH_RELEASED');
  });

  test('a view of part of a buffer is not used again', () => {
    const whole = new Float64Array(4096);
    const part = whole.subarray(0, 1024);
    giveValues(part);
    expect(takeValues(Float64Array, 1024)).not.toBe(part);
  });

  test('own gives the column itself to its only holder, and a copy to others', () => {
    const batch = Batch.from(rowsOf(1, 3), made);
    expect(batch.own('n')).toBe(batch.column('n'));
    batch.retain();
    const copy = batch.own('n') as FixedColumn;
    expect(copy).not.toBe(batch.column('n'));
    copy.values.fill(0 as never);
    expect(batch.toRows()).toEqual(rowsOf(1, 3));
    batch.release();
    const other = batch.withColumns(made, batch.columns);
    expect(batch.own('n')).not.toBe(batch.column('n'));
    other.release();
    expect(batch.own('n')).toBe(batch.column('n'));
  });
});

/** A batch and what it must show for as long as it is held. */
interface Held {
  readonly batch: Batch;
  readonly rows: readonly Row[];
  holds: number;
}

type World = { readonly all: Held[] };
type Step = fc.Command<World, object>;

const add = (world: World, batch: Batch, rows: readonly Row[]): void => {
  world.all.push({ batch, rows, holds: 1 });
};

/** A step on one of the held batches, if there is any; then every batch is looked at. */
class OnHeld implements Step {
  readonly #name: string;
  readonly #pick: number;
  readonly #act: (held: Held, world: World) => void;

  constructor(name: string, pick: number, act: (held: Held, world: World) => void) {
    this.#name = name;
    this.#pick = pick;
    this.#act = act;
  }

  check({ all }: World): boolean {
    return all.some(({ holds }) => holds > 0);
  }

  run(world: World): void {
    const held = world.all.filter(({ holds }) => holds > 0);
    this.#act(held[this.#pick % held.length]!, world);
    look(world);
  }

  toString(): string {
    return `${this.#name}(${this.#pick})`;
  }
}

function look({ all }: World): void {
  for (const { batch, rows, holds } of all) {
    expect(batch.holders).toBe(holds);
    if (holds > 0) expect(batch.toRows()).toEqual(rows);
    else expect(() => batch.toRows()).toThrow('ERR_BATCH_RELEASED');
  }
}

class Make implements Step {
  readonly #seed: number;
  readonly #count: number;

  constructor(seed: number, count: number) {
    this.#seed = seed;
    this.#count = count;
  }

  check({ all }: World): boolean {
    return all.length < 12;
  }

  run(world: World): void {
    const rows = rowsOf(this.#seed, this.#count);
    add(world, Batch.from(rows, made), rows);
    look(world);
  }

  toString(): string {
    return `make(${this.#seed}, ${this.#count})`;
  }
}

function steps(): fc.Arbitrary<Step>[] {
  const on = (name: string, act: (held: Held, world: World) => void): fc.Arbitrary<Step> =>
    fc.nat().map((pick) => new OnHeld(name, pick, act));
  const release = (held: Held): void => {
    held.holds--;
    held.batch.release();
  };
  return [
    // Sizes on both sides of the sizes of reused buffers.
    fc
      .tuple(fc.nat(50), fc.constantFrom(0, 1, 9, 40, 1024, 1025))
      .map(([seed, count]) => new Make(seed, count)),
    on('retain', (held) => {
      held.holds++;
      held.batch.retain();
    }),
    on('release', release),
    on('select', ({ batch, rows }, world) => {
      const kept = rows.map((_, at) => at).filter((at) => at % 3 !== 1);
      const selected = takeValues(Uint32Array, kept.length);
      for (const [at, place] of kept.entries()) selected[at] = batch.rows[place]!;
      add(
        world,
        batch.select(new Selection(selected, kept.length)),
        kept.map((at) => rows[at]!),
      );
    }),
    on('withColumns', ({ batch, rows }, world) => {
      const values = takeValues(Float64Array, batch.rowsStored);
      for (let row = 0; row < batch.rowsStored; row++) values[row] = row;
      const n = new FixedColumn('float64', values);
      const next = batch.withColumns(made, [
        batch.column('id'),
        n,
        batch.column('big'),
        batch.column('note'),
      ]);
      add(
        world,
        next,
        rows.map((row, at) => ({ ...row, n: batch.rows[at]! })),
      );
    }),
    on('compact', (held, world) => {
      const compact = held.batch.compact();
      if (compact === held.batch) held.holds++;
      else add(world, compact, held.rows);
    }),
    // As a stage that writes in place does: the input is released once its output is made.
    on('own', (held, world) => {
      const { batch, rows } = held;
      const column = batch.own('n') as FixedColumn<Float64Array>;
      for (let row = 0; row < batch.rowsStored; row++)
        column.values[row] = column.values[row]! + 0.5;
      const next = batch.withColumns(
        made,
        batch.columns.map((own, index) => (made.fields[index]!.name === 'n' ? column : own)),
      );
      add(
        world,
        next,
        rows.map((row) => ({ ...row, n: row.n + 0.5 })),
      );
      release(held);
    }),
  ];
}

describe('ownership, against a model of plain records', () => {
  test(
    'a held batch never changes, whatever happens to others; a released one throws',
    long,
    () => {
      const runs = process.env['MILLRACE_NIGHTLY'] ? 5_000 : 150; // sequences of up to 40 steps
      let live = 0;
      fc.assert(
        fc.property(fc.commands(steps(), { maxCommands: 40 }), (commands) => {
          const world: World = { all: [] };
          fc.modelRun(() => ({ model: world, real: {} }), commands);
          for (const held of world.all) while (held.holds-- > 0) held.batch.release();
          live += world.all.filter(({ batch }) => batch.holders > 0).length;
        }),
        { numRuns: runs },
      );
      expect(live).toBe(0);
    },
  );
});
