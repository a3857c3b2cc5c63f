import {
  type Batch,
  type BytesColumn,
  type CategoryColumn,
  Dictionary,
  type FixedColumn,
  getBit,
  type JsonValue,
  type Schema,
} from '../batch/index.ts';
import type { StageReport } from './context.ts';
import { followCodes, nullCode, SlotsOfCodes } from './keyed/codes.ts';
import {
  checkBy,
  compositeKey,
  decodeKey,
  encodeKey,
  fieldsOf,
  type Key,
  valuesOfKey,
} from './keyed/key.ts';
import { Recency } from './keyed/recency.ts';
import { misfit, savedStateOf } from './keyed/saved.ts';
import { SlotTable, type StateTable } from './keyed/slot-table.ts';
import type { StageState } from './stage.ts';

export { type By, checkBy, encodeKey, fieldsOf, keptBy, type Key } from './keyed/key.ts';
export { keyOptions, keysMaxOption } from './keyed/options.ts';
export { decodeNumbers, encodeNumbers, SlotTable, type StateTable } from './keyed/slot-table.ts';

export interface KeyedStateOptions {
  /** The fields whose values are the key; without any, all rows share slot 0. */
  readonly by?: string | readonly string[] | undefined;
  readonly keysMax: number;
  /**
   * Told of each slot that begins anew, in the order in which `slots` gives them as `~slot`, with the
   * key that had it before; undefined where none had.
   */
  readonly begun?: (slot: number, before: Key | undefined) => void;
}

interface KeyedStateContext {
  readonly input: Schema;
  readonly report: Pick<StageReport, 'counted'>;
}

/**
 * The state of a stage for each key: the value of a field, or of several, leads to a slot, and each
 * of the stage's tables has one record per slot. At most `keysMax` keys are kept; the least
 * recently used one is forgotten for a new one and counted as `keys.evicted`. A snapshot holds
 * values and never codes.
 */
export class KeyedState implements StageState {
  readonly #fields: readonly string[];
  readonly #kinds: readonly string[];
  readonly #keysMax: number;
  readonly #begun: KeyedStateOptions['begun'];
  readonly #report: Pick<StageReport, 'counted'>;
  readonly #tables: StateTable[] = [];
  readonly #slotOfKey = new Map<Key, number>();
  readonly #keys: Key[] = [];
  readonly #recency = new Recency();
  // By slot: a number that no other key ever had, so that what was found for a key is not taken
  // for the one that has its slot now.
  #serials: Float64Array = new Float64Array(0);
  #serial = 0;
  #used = 0;
  #evicted = 0;
  #found: Int32Array = new Int32Array(0);
  readonly #slotsOfCodes = new SlotsOfCodes();
  // Gives text fields codes, so that a known text is found by its bytes.
  #texts = new Dictionary();
  #codes: Int32Array = new Int32Array(0);

  constructor({ by, keysMax, begun }: KeyedStateOptions, { input, report }: KeyedStateContext) {
    checkBy(input, by);
    this.#fields = fieldsOf(by);
    this.#kinds = this.#fields.map((name) => input.field(name).kind);
    this.#keysMax = keysMax;
    this.#begun = begun;
    this.#report = report;
    if (this.#fields.length === 0) this.#used = 1;
  }

  /** A table with a record for each key, all 0 at first. `name` says what shapes the records. */
  table(name: string, width: number, countersWidth: number): SlotTable {
    const table = new SlotTable(name, width, countersWidth);
    this.add(table);
    return table;
  }

  /** Keeps, saves and restores what a table has of another form. */
  add(table: StateTable): void {
    table.reserve(this.#used);
    this.#tables.push(table);
  }

  /** Slots in use: 0 … this − 1. */
  get slotsUsed(): number {
    return this.#used;
  }

  /** The key that has a slot now; a key of several fields as one text. */
  keyAt(slot: number): JsonValue {
    return encodeKey(this.keyOf(slot));
  }

  /** The same as it is found by. */
  keyOf(slot: number): Key {
    return this.#keys[slot] ?? null;
  }

  /** The values of the fields that a key is made of. */
  valuesOf(key: Key): readonly Key[] {
    return this.#fields.length === 0 ? [] : valuesOfKey(key, this.#kinds);
  }

  /**
   * The slot of each row of a batch, in the order of its rows; `~slot` where the slot now begins
   * anew with another key. Null without `by`: every row has slot 0. Valid until the next call.
   */
  slots(batch: Batch): Int32Array | null {
    if (this.#fields.length === 0) return null;
    const { length } = batch;
    if (this.#found.length < length) this.#found = new Int32Array(Math.max(4096, length));
    this.#reserve(Math.min(this.#keysMax, this.#used + length));
    this.#resolve(batch);
    for (const table of this.#tables) table.reserve(this.#used);
    this.#report.counted('keys.evicted', this.#evicted);
    this.#evicted = 0;
    return this.#found;
  }

  snapshot(): JsonValue {
    const used = this.#used;
    const tables = this.#savedTables().map((table) => [table.name, table.encode(used)]);
    return {
      by: [...this.#fields],
      kinds: [...this.#kinds],
      keys: this.#keys.map(encodeKey),
      tables: Object.fromEntries(tables) as Record<string, JsonValue>,
    };
  }

  /** Throws `ERR_SNAPSHOT_INVALID` where the state is of other fields, kinds or options. */
  restore(state: JsonValue): void {
    const { by, kinds, keys, tables } = savedStateOf(state);
    if (String(by) !== String(this.#fields) || String(kinds) !== String(this.#kinds)) {
      throw misfit(`the state is kept by [${by}], the stage keeps it by [${this.#fields}]`);
    }
    if (this.#fields.length > 0) this.#restoreKeys(keys);
    const expected = this.#savedTables();
    const names = expected.map(({ name }) => name);
    if (String(Object.keys(tables).sort()) !== String(names.toSorted())) {
      throw misfit(`the state is of [${Object.keys(tables)}], the stage has [${names}]`);
    }
    for (const table of expected) {
      if (table.decode(tables[table.name], this.#used)) continue;
      throw misfit(`the records of \`${table.name}\` are not those of ${this.#used} keys`);
    }
    this.#recency.resume(this.#used);
  }

  #savedTables(): StateTable[] {
    return this.#fields.length > 0 ? [this.#recency.stamps, ...this.#tables] : this.#tables;
  }

  #restoreKeys(keys: readonly JsonValue[]): void {
    if (keys.length > this.#keysMax) {
      throw misfit(`the state has ${keys.length} keys, more than \`keysMax\` ${this.#keysMax}`);
    }
    const kind = this.#kinds.length === 1 ? this.#kinds[0]! : 'text';
    this.#slotOfKey.clear();
    this.#keys.length = 0;
    this.#used = 0;
    this.#reserve(keys.length);
    for (const json of keys) {
      const key = decodeKey(kind, json);
      if (key === undefined) throw misfit(`${JSON.stringify(json)} is no key of kind ${kind}`);
      if (this.#find(key) >= 0) throw misfit(`the key ${JSON.stringify(json)} comes twice`);
    }
  }

  #reserve(slots: number): void {
    const { stamps } = this.#recency;
    stamps.reserve(slots);
    if (stamps.values.length <= this.#serials.length) return;
    const grown = new Float64Array(stamps.values.length);
    grown.set(this.#serials);
    this.#serials = grown;
  }

  /** The slot of a key; `~slot` where it is new. */
  #find(key: Key): number {
    const known = this.#slotOfKey.get(key);
    if (known !== undefined) {
      this.#recency.use(known);
      return known;
    }
    const isFull = this.#used >= this.#keysMax;
    const slot = isFull ? this.#evict() : this.#used++;
    this.#begun?.(slot, isFull ? this.#keys[slot] : undefined);
    this.#slotOfKey.set(key, slot);
    this.#keys[slot] = key;
    this.#serials[slot] = ++this.#serial;
    this.#recency.use(slot);
    return ~slot;
  }

  #evict(): number {
    const slot = this.#recency.oldest(this.#used);
    this.#slotOfKey.delete(this.#keys[slot]!);
    this.#evicted++;
    return slot;
  }

  #resolve(batch: Batch): void {
    const { rows, length } = batch;
    const columns = this.#fields.map((name) => batch.column(name));
    const column = columns[0]!;
    if (columns.length > 1) {
      for (let at = 0; at < length; at++)
        this.#found[at] = this.#find(compositeKey(columns, rows[at]!));
      return;
    }
    switch (column.kind) {
      case 'category':
        this.#resolveCategory(column as CategoryColumn, batch);
        return;
      case 'text':
        this.#resolveTexts(column as BytesColumn, batch);
        return;
      case 'bool':
        for (let at = 0; at < length; at++)
          this.#found[at] = this.#find(column.value(rows[at]!) as Key);
        return;
      default:
        this.#resolveNumbers(column as FixedColumn, rows, length);
    }
  }

  #resolveNumbers({ values, validity }: FixedColumn, rows: Uint32Array, length: number): void {
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      const isNull = validity !== null && !getBit(validity, row);
      this.#found[at] = this.#find(isNull ? null : values[row]!);
    }
  }

  #resolveTexts(
    { data, offsets, validity }: BytesColumn,
    { rows, length, rowsStored }: Batch,
  ): void {
    this.#texts = this.#texts.successor();
    const codes = this.#codesOf(rowsStored);
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      const isNull = validity !== null && !getBit(validity, row);
      codes[row] = isNull
        ? nullCode
        : this.#texts.codeOfBytes(data, offsets[row]!, offsets[row + 1]!);
    }
    this.#resolveCodes(codes, this.#texts, rows, length);
  }

  #resolveCategory({ codes, dictionary, validity }: CategoryColumn, batch: Batch): void {
    const { rows, length } = batch;
    if (validity === null) {
      this.#resolveCodes(codes, dictionary, rows, length);
      return;
    }
    const copy = this.#codesOf(batch.rowsStored);
    for (let at = 0; at < length; at++) {
      const row = rows[at]!;
      copy[row] = getBit(validity, row) ? codes[row]! : nullCode;
    }
    this.#resolveCodes(copy, dictionary, rows, length);
  }

  #resolveCodes(
    codes: Int32Array,
    dictionary: Dictionary,
    rows: Uint32Array,
    length: number,
  ): void {
    const known = this.#slotsOfCodes.of(dictionary);
    const recency = this.#recency;
    const first = recency.next;
    const stamps = recency.stamps.values;
    for (let at = 0; ; at++) {
      at = followCodes(codes, rows, at, length, known, this.#serials, stamps, first, this.#found);
      if (at === length) break;
      const code = codes[rows[at]!]!;
      recency.next = first + at;
      const found = this.#find(code === nullCode ? null : dictionary.values[code]!);
      const slot = found < 0 ? ~found : found;
      this.#found[at] = found;
      known.slots[code + 1] = slot;
      known.serials[code + 1] = this.#serials[slot]!;
    }
    recency.next = first + length;
  }

  #codesOf(rows: number): Int32Array {
    if (this.#codes.length < rows) this.#codes = new Int32Array(Math.max(4096, rows));
    return this.#codes;
  }
}
