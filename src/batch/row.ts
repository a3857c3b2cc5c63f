import { PipelineError } from '../errors.ts';
import type { CellValue, Column } from './column.ts';
import { canGenerate, generate } from './generate.ts';
import type { Field, Fields, RecordOf, Schema } from './schema.ts';

const bind: unique symbol = Symbol('millrace.row.bind');
const moveTo: unique symbol = Symbol('millrace.row.moveTo');
const plain: unique symbol = Symbol('millrace.row.plain');
const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/**
 * One row seen through the columns of a batch: a getter per field, moved from row to row by a loop,
 * valid inside the callback only. `toObject(row)` keeps what it shows.
 */
export interface Row {
  [bind](columns: readonly Column[]): void;
  [moveTo](row: number): void;
  [plain](): Record<string, CellValue>;
}

type RowClass = new () => Row;

/**
 * A plain record of the row a callback was given; it stays valid after the callback. A record that
 * is plain already, as asynchronous callbacks are given, is returned itself.
 */
export function toObject<F extends Fields>(row: RecordOf<F>): RecordOf<F> {
  const given: object = row;
  return isRow(given) ? (given[plain]() as RecordOf<F>) : row;
}

function isRow(value: object): value is Row {
  return plain in value;
}

/** A cursor for batches of a schema; its class is generated once per schema. */
export function createRow(schema: Schema): Row {
  let rowClass = classes.get(schema);
  if (rowClass === undefined) {
    rowClass = canGenerate() ? generateRowClass(schema.fields) : describeRowClass(schema.fields);
    classes.set(schema, rowClass);
  }
  return new rowClass();
}

/** A cursor for users' functions: its fields are its own, so that `{ ...row }` copies them. */
export function createCallbackRow(schema: Schema): Row {
  const row = createRow(schema);
  const getters = Object.getPrototypeOf(row) as object;
  for (const { name } of schema.fields) {
    const { get } = Object.getOwnPropertyDescriptor(getters, name)!;
    Object.defineProperty(row, name, { get: get!, enumerable: true });
  }
  return row;
}

/** Points a cursor at the columns of a batch that the caller holds. */
export function bindRow(row: Row, columns: readonly Column[]): void {
  row[bind](columns);
}

/** Lets go of the columns: any later use of the cursor throws `ERR_BATCH_RELEASED`. */
export function unbindRow(row: Row, schema: Schema): void {
  row[bind](schema.fields.map(() => releasedColumn));
}

export function moveRow(row: Row, index: number): void {
  row[moveTo](index);
}

export function readRow(row: Row): Record<string, CellValue> {
  return row[plain]();
}

/** Called with the index of the row whose callback threw, and what it threw. */
export type RowFailed = (row: number, thrown: unknown) => void;

/**
 * Runs a user's function over rows. A stage makes its own set, so that the compiler specialises
 * each copy for the one function and the one schema that it sees.
 */
export interface RowLoops {
  /**
   * Writes the rows for which `test` gives true to `kept` and returns how many; gives any result
   * that is neither true nor false to `other`.
   */
  keep(
    cursor: Row,
    rows: Uint32Array,
    count: number,
    test: (row: never) => unknown,
    kept: Uint32Array,
    other: (row: number, result: unknown) => void,
    failed: RowFailed,
  ): number;
  /** Writes number results to `values[row]`; gives any other result to `other`. */
  numbers(
    cursor: Row,
    rows: Uint32Array,
    count: number,
    compute: (row: never) => unknown,
    values: Float64Array | Int32Array,
    other: (row: number, result: unknown) => void,
    failed: RowFailed,
  ): void;
  /** Gives each result to `take`; what `take` throws fails the row as well. */
  each(
    cursor: Row,
    rows: Uint32Array,
    count: number,
    compute: (row: never) => unknown,
    take: (row: number, result: unknown) => void,
    failed: RowFailed,
  ): void;
}

/** A fresh set of loops, or the shared set where code generation is forbidden. */
export function createRowLoops(): RowLoops {
  if (!canGenerate()) return sharedLoops;
  const loops = [sharedLoops.keep, sharedLoops.numbers, sharedLoops.each].map((loop) =>
    loop.toString(),
  );
  const [keep, numbers, each] = loops.map((source) =>
    generate(['moveTo'], `return { ${source} };`)(moveTo),
  ) as [Pick<RowLoops, 'keep'>, Pick<RowLoops, 'numbers'>, Pick<RowLoops, 'each'>];
  return { ...keep, ...numbers, ...each };
}

const sharedLoops: RowLoops = {
  keep(cursor, rows, count, test, kept, other, failed) {
    let length = 0;
    for (let at = 0; at < count;) {
      try {
        for (; at < count; at++) {
          const row = rows[at]!;
          cursor[moveTo](row);
          const result = test(cursor as never);
          if (result === true) kept[length++] = row;
          else if (result !== false) other(row, result);
        }
      } catch (thrown) {
        failed(rows[at++]!, thrown);
      }
    }
    return length;
  },
  numbers(cursor, rows, count, compute, values, other, failed) {
    for (let at = 0; at < count;) {
      try {
        for (; at < count; at++) {
          const row = rows[at]!;
          cursor[moveTo](row);
          const result = compute(cursor as never);
          if (typeof result === 'number') values[row] = result;
          else other(row, result);
        }
      } catch (thrown) {
        failed(rows[at++]!, thrown);
      }
    }
  },
  each(cursor, rows, count, compute, take, failed) {
    for (let at = 0; at < count;) {
      try {
        for (; at < count; at++) {
          const row = rows[at]!;
          cursor[moveTo](row);
          take(row, compute(cursor as never));
        }
      } catch (thrown) {
        failed(rows[at++]!, thrown);
      }
    }
  },
};

const classes = new WeakMap<Schema, RowClass>();

const releasedColumn = new Proxy({} as Column, {
  get(_column, property) {
    // Every part of the released column is again the released column, so that binding works and
    // reading a row does not.
    if (property === 'values' || property === 'codes' || property === 'dictionary')
      return releasedColumn;
    if (property === 'validity') return releasedColumn;
    throw new PipelineError({
      code: 'ERR_BATCH_RELEASED',
      place: 'row',
      fact: 'a row was used after its callback returned',
      remedy: 'keep rows with toObject(row)',
    });
  },
});

/**
 * Field names reach the source only as JSON strings, and columns only as numbered private fields,
 * so that a header cell never becomes code.
 */
function generateRowClass(fields: readonly Field[]): RowClass {
  const members = fields.map(({ name, kind, nullable }, index) => {
    const valid = nullable
      ? `const v = this.#v${index}; if (v !== null && ((v[i >>> 3] >>> (i & 7)) & 1) === 0) return null;`
      : '';
    return `get [${jsonText(name)}]() { const i = this.#i; ${valid} return ${readCell(kind, index)}; }`;
  });
  const state = fields.map(
    (_, index) => `#c${index} = null; #v${index} = null; #d${index} = null;`,
  );
  const binding = fields.map(({ kind, nullable }, index) => {
    const validity = nullable ? `this.#v${index} = columns[${index}].validity;` : '';
    return `${bindCell(kind, index)} ${validity}`;
  });
  // A computed key makes `__proto__` plain own data; quoted keys are faster to build.
  const record = fields.map(({ name }) => {
    const key = jsonText(name);
    return `${name === '__proto__' ? `[${key}]` : key}: this[${key}]`;
  });
  return generate(
    ['bind', 'moveTo', 'plain', 'inspect'],
    `return class Row {
      #i = 0; ${state.join(' ')}
      ${members.join('\n')}
      [bind](columns) { ${binding.join(' ')} }
      [moveTo](row) { this.#i = row; }
      [plain]() { return { ${record.join(', ')} }; }
      [inspect]() { return this[plain](); }
    };`,
  )(bind, moveTo, plain, inspect) as RowClass;
}

function readCell(kind: Field['kind'], index: number): string {
  switch (kind) {
    case 'category':
      return `this.#d${index}[this.#c${index}[i]]`;
    case 'bool':
      return `this.#c${index}[i] === 1`;
    case 'text':
    case 'bytes':
    case 'json':
      return `this.#c${index}.value(i)`;
    default:
      return `this.#c${index}[i]`;
  }
}

function bindCell(kind: Field['kind'], index: number): string {
  switch (kind) {
    case 'category':
      return `this.#c${index} = columns[${index}].codes; this.#d${index} = columns[${index}].dictionary.values;`;
    case 'text':
    case 'bytes':
    case 'json':
      return `this.#c${index} = columns[${index}];`;
    default:
      return `this.#c${index} = columns[${index}].values;`;
  }
}

/** The same cursor without generated code: slower, for where the runtime forbids it. */
function describeRowClass(fields: readonly Field[]): RowClass {
  class DescribedRow implements Row {
    [bind](columns: readonly Column[]): void {
      described.set(this, { columns, row: 0 });
    }
    [moveTo](row: number): void {
      described.get(this)!.row = row;
    }
    [plain](): Record<string, CellValue> {
      const { columns, row } = described.get(this)!;
      const entries = fields.map(({ name }, index) => [name, columns[index]!.value(row)] as const);
      return Object.fromEntries(entries);
    }
  }
  for (const [index, { name }] of fields.entries()) {
    Object.defineProperty(DescribedRow.prototype, name, {
      get(this: DescribedRow): CellValue {
        const { columns, row } = described.get(this)!;
        return columns[index]!.value(row);
      },
      enumerable: true,
    });
  }
  return DescribedRow;
}

const described = new WeakMap<object, { columns: readonly Column[]; row: number }>();

/** JSON text that is also a safe string literal of JavaScript. */
function jsonText(name: string): string {
  return JSON.stringify(name).replace(
    /[\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16)}`,
  );
}
