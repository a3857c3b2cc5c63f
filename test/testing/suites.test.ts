import { describe, expect, test } from 'vitest';

import {
  Batch,
  BatchBuilder,
  type FixedColumn,
  FixedColumn as Fixed,
  type JsonValue,
  schema,
  Selection,
} from '../../src/batch/index.ts';
import {
  type Cut,
  defineSink,
  defineSource,
  defineStage,
  endOfInput,
  isCut,
  type Position,
  type RowsKept,
  type SinkComponent,
  type SinkConnector,
  type SinkContext,
  type SinkDefinition,
  type SourceComponent,
  type SourceConnector,
  type SourceContext,
  type SourceDefinition,
  type Stage,
  type StageComponent,
  type StageContext,
  type StageDefinition,
  type StageInstance,
  type StageProcess,
  systemClock,
  type WhenPaused,
  type Zod,
} from '../../src/core/index.ts';
import {
  type Check,
  type SinkCheck,
  sinkSuite,
  type SourceCheck,
  sourceSuite,
  type StageCheck,
  stageSuite,
  virtualOutside,
} from '../../src/testing/index.ts';

const input = schema({ value: 'float64', other: 'float64?' });
const records = Array.from({ length: 12 }, (_, at) => ({
  value: at,
  other: at % 3 === 0 ? null : 1,
}));

/** Every check that has found a fault here, by kind. */
const found = { source: new Set<string>(), stage: new Set<string>(), sink: new Set<string>() };

/** What each check that a component fails says, without the title that tells cases apart. */
async function faultsOf(
  kind: keyof typeof found,
  checks: readonly Check[],
): Promise<Record<string, string>> {
  const faults = await Promise.all(
    checks.map(async ({ name, run }): Promise<[string, string][]> => {
      const said = await run().then(
        () => undefined,
        (error: unknown) => (error as Error).message,
      );
      return said === undefined ? [] : [[nameOf(name), said]];
    }),
  );
  for (const [name] of faults.flat()) found[kind].add(name);
  return Object.fromEntries(faults.flat());
}

function nameOf(title: string): string {
  return title.slice(title.indexOf(': ') + 2);
}

interface Parts {
  readonly create: (context: StageContext) => StageInstance;
  readonly rows?: RowsKept;
  readonly options?: (z: Zod) => ReturnType<Zod['strictObject']>;
  readonly example?: null | { readonly [name: string]: number };
  readonly summary?: string;
  readonly expected?: readonly Record<string, unknown>[];
}

async function stageOf(parts: Parts): Promise<string[]> {
  return Object.keys(await faultsOf('stage', stageChecks(parts)));
}

function stageChecks({ create, rows = 'same', expected, ...more }: Parts): Check[] {
  const define = defineStage<() => StageComponent<(typeof input)['shape']>, object>({
    name: 'made-up',
    summary: more.summary ?? 'Do something.',
    options: more.options ?? ((z) => z.strictObject({})),
    example: more.example ?? {},
    rows,
    output: (given) => given,
    create: (_, context) => create(context),
  });
  const definition: StageDefinition = define;
  const poison = { value: -1, other: null };
  const stageCase = { name: 'case', component: define(), input, records, poison };
  return stageSuite(definition, [{ ...stageCase, ...(expected && { expected }) }]);
}

const pass: StageProcess = (batch) => batch;
const poisoned = 'loses only the row that fails' satisfies StageCheck;

describe.concurrent('the stage suite finds a stage that', () => {
  test('does nothing wrong, but has no function that fails on the poison row', async () => {
    expect(await stageOf({ create: () => pass })).toEqual([poisoned]);
  });

  test('loses a row in silence', async () => {
    const create = () => (batch: Batch) =>
      batch.select(new Selection(batch.rows, Math.max(0, batch.length - 1)));
    expect(await stageOf({ create })).toContain('closes the ledger');
  });

  test('drops rows where it promised to keep them', async () => {
    const create =
      ({ report }: StageContext) =>
      (batch: Batch) =>
        report.keep(batch, new Selection(batch.rows.slice(0, 0), 0));
    expect(await stageOf({ create })).toContain('keeps to its kind of rows');
    expect(await stageOf({ create, rows: 'fewer' })).toEqual([poisoned]);
  });

  test('makes rows that it does not report', async () => {
    expect(await stageOf({ create: () => pass, rows: 'expand' })).toContain(
      'keeps to its kind of rows',
    );
  });

  test('makes another schema', async () => {
    const other = schema({ value: 'float64' });
    const create = () => (batch: Batch) => Batch.from(batch.toRows() as never, other) as Batch;
    expect(await stageOf({ create })).toContain('makes batches of the schema that it promises');
  });

  test('writes to its input', async () => {
    const create = () => (batch: Batch) => {
      (batch.column('value') as FixedColumn).values[0] = 99;
      return batch;
    };
    expect(await stageOf({ create })).toContain('writes to no batch that it is given');
  });

  test('keeps its input, or releases it', async () => {
    const keep = () => (batch: Batch) => batch.retain();
    expect(await stageOf({ create: keep })).toContain('gives back every buffer');
    const release = () => (batch: Batch) => {
      const copy = Batch.from(batch.toRows() as never, batch.schema);
      batch.release();
      return copy;
    };
    expect(await stageOf({ create: release })).toContain('gives back every buffer');
  });

  test('keeps a column that it made', async () => {
    const create = () => (batch: Batch) => {
      const values = new Fixed('float64', new Float64Array(batch.rowsStored).fill(1));
      return batch.withColumns(batch.schema, [values.retain(), batch.columns[1]!]);
    };
    expect(await stageOf({ create })).toContain('gives back every buffer');
  });

  test('looks at rows that do not count', async () => {
    const create = () => (batch: Batch) => Batch.from(allStored(batch) as never, batch.schema);
    expect(await stageOf({ create })).toContain('takes only the rows that are selected');
  });

  test('depends on where batches end', async () => {
    const create = () => (batch: Batch) => replaceValues(batch, () => batch.length);
    expect(await stageOf({ create })).toContain('makes the same of batches cut anywhere');
  });

  test('has state that it does not save', async () => {
    const create = () => {
      let count = 0;
      return (batch: Batch) => replaceValues(batch, () => count++);
    };
    expect(await stageOf({ create })).toEqual(['goes on from a snapshot', poisoned]);
  });

  test('saves state that is no JSON', async () => {
    const create = () => ({
      process: pass,
      snapshot: () => new Date(0) as never,
      restore: () => {},
    });
    expect(await stageOf({ create })).toEqual(['goes on from a snapshot', poisoned]);
  });

  test('gives its live state as a snapshot, in either form', async () => {
    const name = 'goes on from a snapshot' satisfies StageCheck;
    const said = 'a snapshot changes while the stage goes on';
    const ofBatches = (copy: boolean) => () => {
      let seen: number[] = [];
      return {
        process: (batch: Batch) => {
          seen.push(...batch.toRows().map(({ value }) => value as number));
          return batch;
        },
        snapshot: () => (copy ? [...seen] : seen),
        restore: (state: JsonValue) => {
          seen = [...(state as number[])];
        },
      };
    };
    expect(await stageOf({ create: ofBatches(true) })).toEqual([poisoned]);
    const live = await faultsOf('stage', stageChecks({ create: ofBatches(false) }));
    expect(live[name]).toContain(said);

    /** Holds the last three rows. */
    const general = (copy: boolean) => (): Stage => {
      let held: Record<string, JsonValue>[] = [];
      return {
        async *transform(stream) {
          for await (const flow of stream) {
            if (isCut(flow)) {
              yield flow;
              continue;
            }
            held.push(...(flow.toRows() as typeof held));
            flow.release();
            const ready = held.splice(0, Math.max(0, held.length - 3));
            yield Batch.from(ready as never, input);
          }
          yield Batch.from(held.splice(0) as never, input);
        },
        held: () => held.length,
        snapshot: () => (copy ? [...held] : held),
        restore: (state) => {
          held = [...(state as typeof held)];
        },
      };
    };
    expect(await stageOf({ create: general(true) })).not.toContain(name);
    const alive = await faultsOf('stage', stageChecks({ create: general(false) }));
    expect(alive[name]).toContain(said);
  });

  test('cannot take null', async () => {
    const create = () => (batch: Batch) => {
      for (const { other, value } of batch.toRows()) {
        if (other === null && (value as number) % 3 !== 0) throw new Error('null');
      }
      return batch;
    };
    expect(await stageOf({ create })).toContain('takes nulls');
  });

  test('cannot take an empty batch', async () => {
    const create = () => (batch: Batch) => {
      if (batch.length === 0) throw new Error('empty');
      return batch;
    };
    expect(await stageOf({ create })).toContain('takes an empty batch');
  });

  test('changes the order of cuts and batches', async () => {
    const create = (): Stage => ({
      async *transform(stream) {
        const cuts: Cut[] = [];
        for await (const flow of stream) {
          if (isCut(flow)) cuts.unshift(flow);
          else yield flow;
        }
        yield* cuts;
      },
    });
    expect(await stageOf({ create })).toContain('passes cuts in order');
  });

  test('loses what it holds at a cut', async () => {
    const create = (): Stage => ({
      async *transform(stream) {
        let held: Batch | undefined;
        for await (const flow of stream) {
          if (isCut(flow)) {
            held = undefined;
            yield flow;
          } else {
            if (held !== undefined) yield held;
            held = flow;
          }
        }
        if (held !== undefined) yield held;
      },
    });
    expect(await stageOf({ create })).toContain('passes cuts in order');
  });

  test('goes on after an abort', async () => {
    const create = (): Stage => ({
      async *transform(stream) {
        try {
          yield* stream;
        } catch {
          await new Promise(() => {});
        }
      },
    });
    expect(await stageOf({ create })).toEqual([poisoned, 'ends when it is aborted']);
  });

  test('makes other records than those that are expected', async () => {
    const expected = [{ value: 1, other: 1 }];
    expect(await stageOf({ create: () => pass, expected })).toEqual([
      'makes the records that are expected',
      poisoned,
    ]);
  });

  test('keeps cuts to itself', async () => {
    const create = (): Stage => ({
      async *transform(stream) {
        for await (const flow of stream) if (!isCut(flow)) yield flow;
      },
    });
    expect(await faultsOf('stage', stageChecks({ create }))).toMatchObject({
      'goes on from a snapshot': 'it keeps a cut to itself while it waits for more',
      'passes cuts in order': expect.stringContaining('cuts that came out') as string,
    });
  });

  test('waits for ever, in either form', async () => {
    const general = (): Stage => ({
      async *transform(stream) {
        await new Promise(() => {});
        yield* stream;
      },
    });
    const [ofGeneral, ofBatches] = await Promise.all([
      faultsOf('stage', stageChecks({ create: general })),
      faultsOf('stage', stageChecks({ create: () => () => new Promise<Batch>(() => {}) })),
    ]);
    expect(new Set(Object.values(ofGeneral))).toEqual(
      new Set(['it neither gives anything nor ends', 'it goes on after the abort']),
    );
    expect(ofGeneral).toHaveProperty(['passes cuts in order']);
    expect(ofBatches).toMatchObject({
      'makes batches of the schema that it promises':
        'it neither gives what it makes of a batch nor fails',
      'ends when it is aborted': 'it goes on after the abort',
    });
  });

  test('gives batches without end', async () => {
    const create = (): Stage => ({
      async *transform(_stream) {
        for (;;) yield Batch.from([], input);
      },
    });
    const [check] = stageChecks({ create }).filter(({ name }) => name.endsWith('are expected'));
    await expect(check!.run()).rejects.toThrow('it gives batches without end');
  });

  test('is not described', async () => {
    const create = () => pass;
    expect(await stageOf({ create, summary: 'does it' })).toContain('is summed up in one sentence');
    const options = (z: Zod) => z.strictObject({ size: z.number().optional() });
    expect(await stageOf({ create, options })).toContain('describes each option');
    expect(await stageOf({ create, example: { size: 1 } })).toContain(
      'has an example that its options take',
    );
    expect(await stageOf({ create, options: (z) => z.object({}) as never })).toContain(
      'refuses an option that it does not know',
    );
  });
});

test('a check is skipped for a reason, and only one that there is', () => {
  const define = defineStage<() => StageComponent, object>({
    name: 'made-up',
    summary: 'Do something.',
    options: (z) => z.strictObject({}),
    example: {},
    rows: 'same',
    output: (given) => given,
    create: () => pass,
  });
  const cases = [{ name: 'case', component: define(), input, records }] as never;
  expect(() => stageSuite(define, cases, { 'takes nulls': '' })).toThrow('without a reason');
  expect(() => stageSuite(define, cases, { 'takes bulls': 'it is no cow' } as never)).toThrow(
    'no check named',
  );
  expect(() => stageSuite(define, [])).toThrow('no case');
  const checks = stageSuite(define, cases, { 'takes nulls': 'there are none' });
  expect(checks.find(({ name }) => name.endsWith('takes nulls'))!.skipped).toBe('there are none');
});

/** A source of twelve numbers that does everything right, but for what `wrong` changes. */
class Numbers implements SourceConnector {
  protected readonly context: SourceContext;
  protected next = 0;

  constructor(context: SourceContext) {
    this.context = context;
  }

  async open(from: Position | undefined): Promise<void> {
    this.next = (from ?? 0) as number;
  }

  async read(signal: AbortSignal): Promise<Batch | typeof endOfInput> {
    signal.throwIfAborted();
    if (this.next === 12) return endOfInput;
    const { rowsMax, bytesMax } = this.context.batchLimits;
    const { output, id } = this.context;
    const builder = new BatchBuilder(output, { source: id, position: this.next });
    while (this.next < 12 && builder.length < rowsMax && builder.bytes < bytesMax) {
      builder.append({ n: this.next++ } as never);
    }
    return builder.finish();
  }

  position(): Position {
    return this.next;
  }

  async close(): Promise<void> {}
}

type SourceClass = new (context: SourceContext) => SourceConnector;

async function sourceOf(
  Connector: SourceClass,
  whenPaused?: WhenPaused,
): Promise<Record<string, string>> {
  return faultsOf('source', sourceChecks(Connector, whenPaused));
}

interface Patience {
  readonly settleMsMax?: number;
}

function sourceChecks(
  Connector: SourceClass,
  whenPaused: WhenPaused = 'hold',
  patience: Patience = {},
): Check[] {
  const define = defineSource<() => SourceComponent, object>({
    name: 'made-up',
    summary: 'Give numbers.',
    options: (z) => z.strictObject({}),
    example: {},
    whenPaused,
    output: () => schema({ n: 'float64' }),
    create: (_, context) => new Connector(context),
  });
  const definition: SourceDefinition = define;
  const expected = Array.from({ length: 12 }, (_, n) => ({ n }));
  const prepare = () => ({ component: define() });
  return sourceSuite(definition, [{ name: 'case', prepare, expected, ...patience }]);
}

describe.concurrent('the source suite finds a source that', () => {
  const check = (name: SourceCheck): SourceCheck => name;

  test('does nothing wrong', async () => {
    expect(await sourceOf(Numbers)).toEqual({});
  });

  test('resumes one row too late', async () => {
    class Late extends Numbers {
      override position = () => Math.min(12, this.next + 1);
    }
    expect(Object.keys(await sourceOf(Late))).toEqual([
      check('goes on from each of its positions'),
    ]);
  });

  test('has positions that are no JSON', async () => {
    class Big extends Numbers {
      override position = () => new Date(this.next) as never;
    }
    expect(Object.keys(await sourceOf(Big))).toContain(check('gives positions that are JSON'));
  });

  test('reads on behind its end', async () => {
    class Again extends Numbers {
      override async read(signal: AbortSignal) {
        const batch = await super.read(signal);
        if (batch === endOfInput) this.next = 0;
        return batch;
      }
    }
    expect(Object.keys(await sourceOf(Again))).toContain(check('says again that it has ended'));
  });

  test('makes batches as it likes', async () => {
    class Large extends Numbers {
      override async read() {
        const { output, id } = this.context;
        const rows = Array.from({ length: 12 - this.next }, (_, at) => ({ n: this.next + at }));
        const batch = Batch.from(rows as never, output, { source: id, position: this.next });
        this.next = 12;
        return batch.length === 0 ? endOfInput : batch;
      }
    }
    expect(Object.keys(await sourceOf(Large))).toEqual([check('keeps to the limits of a batch')]);
  });

  test('names all its records alike', async () => {
    class Alike extends Numbers {
      override async read(signal: AbortSignal) {
        const batch = await super.read(signal);
        if (batch === endOfInput) return batch;
        return Batch.from(batch.toRows() as never, batch.schema, { source: this.context.id });
      }
    }
    const failed = Object.keys(await sourceOf(Alike));
    expect(failed).toContain(check('names each record, and the same way again'));
  });

  test('reports what it did not fail at', async () => {
    class Reports extends Numbers {
      override async open(from: Position | undefined) {
        await super.open(from);
        const record = new Uint8Array(0);
        const { report } = this.context;
        report.failed({
          position: 0,
          partition: '',
          reason: 'bad',
          message: '',
          record,
          recordBytes: 0,
        });
      }
    }
    expect(Object.keys(await sourceOf(Reports))).toEqual([
      check('reports each record that it makes no row of'),
    ]);
  });

  test('gives other records or another schema', async () => {
    class Other extends Numbers {
      override async read(signal: AbortSignal): Promise<Batch | typeof endOfInput> {
        const batch = await super.read(signal);
        return batch === endOfInput
          ? batch
          : (Batch.from(batch.toRows() as never, schema({ n: 'text?', m: 'text?' })) as never);
      }
    }
    expect(Object.keys(await sourceOf(Other))).toContain(
      check('gives the records that are expected'),
    );
  });

  test('does not wake', async () => {
    class Asleep extends Numbers {
      override async read(signal: AbortSignal) {
        await new Promise(() => {});
        return super.read(signal);
      }
    }
    const faults = await faultsOf('source', sourceChecks(Asleep));
    expect(faults).toMatchObject({
      [check('gives the records that are expected')]: 'it gives neither a batch nor its end',
      [check('wakes a read that is aborted')]: 'it reads on after the abort',
    });
  });

  test('does not open, or does not close', async () => {
    class Unopened extends Numbers {
      override open = () => new Promise<never>(() => {});
    }
    class Unclosed extends Numbers {
      override close = () => new Promise<never>(() => {});
    }
    const [unopened, unclosed] = await Promise.all([
      faultsOf('source', sourceChecks(Unopened)),
      faultsOf('source', sourceChecks(Unclosed)),
    ]);
    expect(unopened).toMatchObject({
      [check('gives the records that are expected')]: 'it neither opens nor fails',
      [check('wakes a read that is aborted')]: 'it waits for time to open',
    });
    expect(unclosed).toMatchObject({
      [check('closes without an open, or after one that failed')]: 'it does not close',
    });
  });

  test('gives no rows and no end', async () => {
    class Empty extends Numbers {
      override read = async () => Batch.from([], this.context.output);
    }
    const [first] = sourceChecks(Empty).filter(({ name }) => name.endsWith('are expected'));
    await expect(first!.run()).rejects.toThrow('it gives batches without rows, and no end');
  });

  test('gives rows without end', async () => {
    class Endless extends Numbers {
      override async read(signal: AbortSignal) {
        if (this.next === 12) this.next = 0;
        return super.read(signal);
      }
    }
    expect(Object.keys(await sourceOf(Endless))).toContain(
      check('gives the records that are expected'),
    );
  });

  test('does not close where it did not open', async () => {
    class Unclosed extends Numbers {
      #opened = false;
      override async open(from: Position | undefined) {
        await super.open(from);
        this.#opened = true;
      }
      override async close() {
        if (!this.#opened) throw new TypeError('undefined');
      }
    }
    expect(Object.keys(await sourceOf(Unclosed))).toEqual([
      check('closes without an open, or after one that failed'),
    ]);
  });

  test('has less than it promises for when it is paused', async () => {
    expect(await sourceOf(Numbers, 'redeliver')).toEqual({
      [check('keeps what it promises while it is paused')]:
        'it promises to redeliver and has no `acknowledge`',
    });
  });

  test('loses what comes while nothing is read', async () => {
    class Forgetful extends Numbers {
      #readMs = 0;
      override async read(signal: AbortSignal) {
        const { clock } = this.context;
        if (clock.monotonic() > this.#readMs && this.next < 12) this.next++;
        this.#readMs = clock.monotonic();
        return super.read(signal);
      }
    }
    expect(await sourceOf(Forgetful)).toMatchObject({
      [check('keeps what it promises while it is paused')]: expect.stringContaining(
        'read with pauses',
      ) as string,
    });
    expect(await sourceOf(Forgetful, 'skip')).toEqual({});
  });

  test('gives what was not acknowledged only once', async () => {
    /** What the far end has forgotten, by its name: here the files of its outside. */
    const forgotten = new WeakMap<object, number>();
    class Broker extends Numbers {
      override async open(from: Position | undefined) {
        await super.open(from ?? forgotten.get(this.context.files));
      }
      async acknowledge(position: Position) {
        forgotten.set(this.context.files, position as number);
      }
    }
    expect(await sourceOf(Broker, 'redeliver')).toEqual({});
    class Hasty extends Broker {
      override async open() {
        this.next = forgotten.get(this.context.files) ?? 0;
      }
      override async acknowledge() {
        forgotten.set(this.context.files, this.next);
      }
    }
    const name = check('keeps what it promises while it is paused');
    expect((await sourceOf(Hasty, 'redeliver'))[name]).toContain('not acknowledged');
    class Stuck extends Broker {
      override acknowledge = () => new Promise<never>(() => {});
    }
    expect(await sourceOf(Stuck, 'redeliver')).toEqual({ [name]: 'it does not acknowledge' });
  });

  test('does not know how far it is behind, and says so in its own way', async () => {
    class Lost extends Numbers {
      lag = () => ({ value: NaN, unit: 'records' as const });
    }
    const name = check('says how far it is behind, if it knows');
    expect(Object.keys(await sourceOf(Lost))).toEqual([name]);
    class Known extends Numbers {
      lag = () => ({ value: 12 - this.next, unit: 'records' as const });
    }
    expect(await sourceOf(Known)).toEqual({});
  });

  test('is slow to open, unless it may be', async () => {
    let opening = (): Promise<void> => new Promise(() => {});
    class Slow extends Numbers {
      override async open(from: Position | undefined) {
        await opening();
        await super.open(from);
      }
    }
    const name = check('gives the records that are expected');
    const hasty = await faultsOf('source', sourceChecks(Slow, 'hold', { settleMsMax: 10 }));
    expect(hasty[name]).toBe('it neither opens nor fails');
    opening = () => systemClock.sleep(100);
    const patient = sourceChecks(Slow, 'hold', { settleMsMax: 10_000 });
    expect(await faultsOf('source', patient)).toEqual({});
  });

  test('leaves a file open', async () => {
    class Leaves extends Numbers {
      override async open(from: Position | undefined) {
        await super.open(from);
        await this.context.files.open('/left', 'append').catch(() => {});
      }
    }
    expect(Object.keys(await sourceOf(Leaves))).toEqual([
      check('wakes a read that is aborted'),
      check('leaves nothing open'),
    ]);
  });
});

/** A sink that does everything right: rows are in its store once they are committed. */
class Store implements SinkConnector {
  protected written: object[] = [];
  readonly store: object[];
  protected readonly context: SinkContext;

  constructor(store: object[], context: SinkContext) {
    this.store = store;
    this.context = context;
  }

  async open(): Promise<void> {}

  async write(
    batch: Batch,
  ): Promise<void | { failed: { row: number; reason: string; message: string }[] }> {
    const failed = [];
    for (const [at, record] of batch.toRows().entries()) {
      if (record['value'] === -1)
        failed.push({ row: batch.rows[at]!, reason: 'value.bad', message: 'bad' });
      else this.written.push(record);
    }
    return { failed };
  }

  async commit(_cut: Cut): Promise<void> {
    this.store.push(...this.written.splice(0));
  }

  async close(): Promise<void> {}
}

type SinkClass = new (store: object[], context: SinkContext) => SinkConnector;

async function sinkOf(Connector: SinkClass): Promise<string[]> {
  return Object.keys(await faultsOf('sink', sinkChecks(Connector)));
}

function sinkChecks(Connector: SinkClass): Check[] {
  /** The store of each instance, by the files of its outside. */
  const stores = new WeakMap<object, object[]>();
  const define = defineSink<() => SinkComponent, object>({
    name: 'made-up',
    summary: 'Keep rows.',
    options: (z) => z.strictObject({}),
    example: {},
    create: (_, context) => new Connector(stores.get(context.files) ?? [], context),
  });
  const definition: SinkDefinition = define;
  const refused = { value: -1, other: null };
  const prepare = () => {
    const outside = virtualOutside();
    const store: Record<string, unknown>[] = [];
    stores.set(outside.files, store);
    return { component: define(), outside, stored: () => store };
  };
  return sinkSuite(definition, [{ name: 'case', input, records, refused, prepare }]);
}

describe.concurrent('the sink suite finds a sink that', () => {
  const check = (name: SinkCheck): SinkCheck => name;

  test('does nothing wrong', async () => {
    expect(await sinkOf(Store)).toEqual([]);
  });

  test('has not everything in its store after a commit', async () => {
    class Slow extends Store {
      override async commit() {
        this.store.push(...this.written.splice(0, 3));
      }
    }
    expect(await sinkOf(Slow)).toContain(check('has everything in its store after a commit'));
  });

  test('writes rows that do not count', async () => {
    class Greedy extends Store {
      override async write(batch: Batch) {
        this.written.push(...allStored(batch));
      }
    }
    const failed = await sinkOf(Greedy);
    expect(failed).toContain(check('takes only the rows that are selected'));
    expect(failed).toContain(check('names the row that it refuses'));
  });

  test('refuses a whole batch for one row, which is found', async () => {
    class Whole extends Store {
      override async write(batch: Batch) {
        const rows = batch.toRows();
        if (rows.some(({ value }) => value === -1)) {
          return { refused: { reason: 'value.bad', message: 'bad' } } as never;
        }
        this.written.push(...rows);
        return undefined;
      }
    }
    expect(await sinkOf(Whole)).toEqual([]);
  });

  test('writes to its input, or keeps it', async () => {
    class Writes extends Store {
      override async write(batch: Batch) {
        const result = await super.write(batch);
        (batch.column('value') as FixedColumn<Float64Array>).values.fill(0);
        batch.retain();
        return result;
      }
    }
    const failed = await sinkOf(Writes);
    expect(failed).toContain(check('writes to no batch that it is given'));
    expect(failed).toContain(check('gives back every buffer'));
  });

  test('cannot take nulls, no rows or no batch', async () => {
    class Narrow extends Store {
      override async write(batch: Batch) {
        if (batch.length === 0) throw new Error('empty');
        if (batch.length === 1 && batch.toRows()[0]!['other'] === null) throw new Error('null');
        return super.write(batch);
      }
      override async commit(cut: Cut) {
        if (this.written.length === 0) throw new Error('nothing to commit');
        await super.commit(cut);
      }
    }
    const failed = await sinkOf(Narrow);
    for (const name of [
      'takes nulls',
      'takes an empty batch',
      'commits where nothing was written',
    ] as const) {
      expect(failed).toContain(check(name));
    }
  });

  test('does not end', async () => {
    class Endless extends Store {
      override async write(batch: Batch): Promise<never> {
        await super.write(batch);
        return new Promise<never>(() => {});
      }
    }
    expect(await faultsOf('sink', sinkChecks(Endless))).toMatchObject({
      [check('takes nulls')]: 'it neither takes a batch nor refuses it',
      [check('ends a write that is aborted')]: 'it writes on after the abort',
    });
  });

  test('does not commit, does not open, or does not close', async () => {
    class Uncommitted extends Store {
      override commit = () => new Promise<never>(() => {});
    }
    class Unopened extends Store {
      override open = () => new Promise<never>(() => {});
    }
    class Unclosed extends Store {
      override close = () => new Promise<never>(() => {});
    }
    const [uncommitted, unopened, unclosed] = await Promise.all([
      faultsOf('sink', sinkChecks(Uncommitted)),
      faultsOf('sink', sinkChecks(Unopened)),
      faultsOf('sink', sinkChecks(Unclosed)),
    ]);
    expect(uncommitted).toMatchObject({
      [check('has everything in its store after a commit')]: 'it does not commit',
      [check('commits where nothing was written')]: 'it does not commit',
    });
    expect(unopened).toMatchObject({ [check('takes nulls')]: 'it neither opens nor fails' });
    expect(unclosed).toMatchObject({
      [check('closes without an open, or after one that failed')]: 'it does not close',
    });
  });

  test('leaves a file open, or cannot close', async () => {
    class Leaves extends Store {
      override async open() {
        await this.context.files.open('/left', 'append').catch(() => {});
      }
      override async close() {
        if (this.written.length === 0) throw new Error('never opened');
      }
    }
    const failed = await sinkOf(Leaves);
    expect(failed).toContain(check('leaves nothing open'));
    expect(failed).toContain(check('closes without an open, or after one that failed'));
  });
});

test('each check of the suites has found the fault of some component', () => {
  const named = (checks: readonly Check[]): string[] => checks.map(({ name }) => nameOf(name));
  // What is described is checked alike of each kind, here of stages.
  const described = (name: string): boolean => found.stage.has(name);
  expect(
    named(stageChecks({ create: () => pass })).filter((name) => !found.stage.has(name)),
  ).toEqual([]);
  const unfound = { source: named(sourceChecks(Numbers)), sink: named(sinkChecks(Store)) };
  for (const kind of ['source', 'sink'] as const) {
    const left = unfound[kind].filter((name) => !found[kind].has(name) && !described(name));
    expect(left, kind).toEqual([]);
  }
});

function allStored(batch: Batch): Record<string, unknown>[] {
  return Array.from({ length: batch.rowsStored }, (_, row) => batch.rowAt(row));
}

function replaceValues(batch: Batch, next: () => number): Batch {
  const values = new Float64Array(batch.rowsStored);
  for (let at = 0; at < batch.length; at++) values[batch.rows[at]!] = next();
  return batch.withColumns(batch.schema, [new Fixed('float64', values), batch.columns[1]!]);
}
