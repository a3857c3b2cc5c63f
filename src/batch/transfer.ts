import { PipelineError } from '../errors.ts';
import { Batch } from './batch.ts';
import { type TakeValues, takeValues, type Values, type ValuesConstructor } from './buffers.ts';
import {
  BytesColumn,
  type BytesKind,
  CategoryColumn,
  type Column,
  FixedColumn,
  type FixedKind,
} from './column.ts';
import { Dictionary } from './dictionary.ts';
import { Origin } from './origin.ts';
import { type Field, type Fields, Schema } from './schema.ts';
import type { Shared } from './shared.ts';

/** A batch on its way to another thread: plain data for `postMessage`. */
export interface BatchMessage {
  /** Numbers the messages of one sender, which must arrive in that order. */
  readonly sequence: number;
  readonly rows: number;
  /** Null: those of the message before. */
  readonly fields: readonly Field[] | null;
  readonly columns: readonly ColumnMessage[];
  readonly origin: ReturnType<Origin['toParts']>;
  /** Values that their dictionaries did not have before. */
  readonly dictionaries: readonly DictionaryMessage[];
  /** Dictionaries that are not used any more. */
  readonly forgotten: readonly number[];
}

type ColumnMessage =
  | { readonly kind: FixedKind; readonly values: Values; readonly validity: Uint8Array | null }
  | {
      readonly kind: 'category';
      readonly codes: Int32Array;
      readonly dictionary: number;
      readonly validity: Uint8Array | null;
    }
  | {
      readonly kind: BytesKind;
      readonly offsets: Int32Array;
      readonly data: Uint8Array;
      readonly validity: Uint8Array | null;
    };

interface DictionaryMessage {
  readonly id: number;
  readonly values: readonly string[];
}

/** Memory that another thread sees. */
export interface SharedRoom {
  /** An array of so many elements in it; undefined where it has no room for them. */
  take<T extends Values>(type: ValuesConstructor<T>, length: number): T | undefined;
  /** Whether an array is in it. */
  has(values: Values): boolean;
}

/** Where the first values of an array are for the other thread to have. */
type TakePart = <T extends Values>(values: T, length: number) => T;

/** How many dictionaries the two ends of a channel remember. */
const dictionariesMax = 64;

/**
 * Makes messages of batches for one `BatchReceiver` in another thread. Each value of a dictionary is
 * sent once, so every message must be posted, in order.
 */
export class BatchSender {
  #sequence = 0;
  /** How many values of each dictionary were sent, least recently used first. */
  readonly #sent = new Map<number, number>();
  #schema: Schema = new Schema([]);

  /**
   * Takes over the caller's hold on the batch: buffers that nobody else holds move, others are
   * copied. Post it with `port.postMessage(message, transferList)`. `room`: where values are put
   * instead; they must stay there until the receiver has made a batch of them.
   */
  toMessage(
    batch: Batch,
    room?: SharedRoom,
  ): { message: BatchMessage; transferList: ArrayBuffer[] } {
    const take: TakeValues = (type, length) => room?.take(type, length) ?? takeValues(type, length);
    const held = batch.compact(room && take);
    batch.release();
    const transferList: ArrayBuffer[] = [];
    const dictionaries = this.#newValues(held.columns);
    const mayMove = held.holders === 1;
    const partOf =
      ({ holders }: Shared): TakePart =>
      (values, length) =>
        (room && putInto(room, values, length)) ??
        takePart(values, length, mayMove && holders === 1, transferList);
    const columns = held.columns.map((column) =>
      columnMessage(column, held.rowsStored, partOf(column)),
    );
    const origin = held.origin.toParts();
    const { positions } = origin;
    const placed =
      typeof positions === 'number' ? positions : partOf(held.origin)(positions, held.rowsStored);
    const message = {
      sequence: this.#sequence++,
      rows: held.rowsStored,
      fields: this.#newFields(held.schema),
      columns,
      origin: { ...origin, positions: placed },
      dictionaries,
      forgotten: this.#forget(),
    };
    held.release();
    return { message, transferList };
  }

  #newValues(columns: readonly Column[]): DictionaryMessage[] {
    const messages: DictionaryMessage[] = [];
    for (const column of columns) {
      if (column.kind !== 'category') continue;
      const { id, values, size } = column.dictionary;
      const sent = this.#sent.get(id);
      // Set anew, so that the map stays in order of use.
      this.#sent.delete(id);
      this.#sent.set(id, size);
      if (sent === undefined || sent < size) messages.push({ id, values: values.slice(sent) });
    }
    return messages;
  }

  #newFields(schema: Schema): readonly Field[] | null {
    if (schema.equals(this.#schema)) return null;
    this.#schema = schema;
    return schema.fields;
  }

  #forget(): number[] {
    const forgotten: number[] = [];
    for (const id of this.#sent.keys()) {
      if (this.#sent.size <= dictionariesMax) break;
      this.#sent.delete(id);
      forgotten.push(id);
    }
    return forgotten;
  }
}

/** Makes batches of the messages of one `BatchSender`. */
export class BatchReceiver {
  #sequence = 0;
  readonly #dictionaries = new Map<number, Dictionary>();
  #schema: Schema = new Schema([]);

  /** The batch; the caller is its only holder. Throws `ERR_CONNECTOR_PROTOCOL` out of order. */
  fromMessage(message: BatchMessage): Batch<Fields> {
    if (message.sequence !== this.#sequence) throw outOfOrder(message.sequence, this.#sequence);
    this.#sequence++;
    for (const { id, values } of message.dictionaries) {
      let dictionary = this.#dictionaries.get(id);
      if (dictionary === undefined) this.#dictionaries.set(id, (dictionary = new Dictionary()));
      for (const value of values) dictionary.code(value);
    }
    const columns = message.columns.map((column) => this.#toColumn(column));
    for (const id of message.forgotten) this.#dictionaries.delete(id);
    const { positions } = message.origin;
    const origin = Origin.ofParts({
      ...message.origin,
      positions: typeof positions === 'number' ? positions : ownValues(positions),
    });
    // One object for equal schemas in a row: row cursors are generated for each.
    if (message.fields !== null) this.#schema = new Schema(message.fields);
    const batch = new Batch(this.#schema, columns, message.rows, origin);
    origin.release();
    return batch;
  }

  #toColumn(column: ColumnMessage): Column {
    switch (column.kind) {
      case 'category':
        return new CategoryColumn(
          ownValues(column.codes),
          this.#dictionaries.get(column.dictionary)!,
          column.validity,
        );
      case 'text':
      case 'bytes':
      case 'json':
        return new BytesColumn(
          column.kind,
          ownValues(column.offsets),
          ownValues(column.data),
          column.validity,
        );
      default:
        return new FixedColumn(column.kind, ownValues(column.values), column.validity);
    }
  }
}

function columnMessage(column: Column, rows: number, part: TakePart): ColumnMessage {
  // Copied always: columns may share a bitmap.
  const validity = column.validity?.slice() ?? null;
  switch (column.kind) {
    case 'category':
      return {
        kind: 'category',
        codes: part(column.codes, rows),
        dictionary: column.dictionary.id,
        validity,
      };
    case 'text':
    case 'bytes':
    case 'json': {
      const { offsets, data, kind } = column;
      const used = offsets[rows]!;
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return { kind, offsets: part(offsets, rows + 1), data: part(bytes, used), validity };
    }
    default:
      return { kind: column.kind, values: part(column.values, rows), validity };
  }
}

/** The first `length` values where the other thread sees them, copied unless they were gathered there. */
function putInto<T extends Values>(room: SharedRoom, values: T, length: number): T | undefined {
  if (room.has(values)) return values;
  const put = room.take(values.constructor as ValuesConstructor<T>, length);
  put?.set(values.subarray(0, length) as never);
  return put;
}

/** The whole array moved into a buffer of its own, or a copy of its first `length` elements. */
function takePart<T extends Values>(
  values: T,
  length: number,
  move: boolean,
  transferList: ArrayBuffer[],
): T {
  const { buffer } = values;
  // Empty arrays have nothing to move, and columns without bytes may share one.
  const isWhole =
    values.length > 0 && buffer instanceof ArrayBuffer && buffer.byteLength === values.byteLength;
  const type = values.constructor as new (buffer: ArrayBuffer) => T;
  // `transfer` leaves the old array empty at once, so that nothing can use it in the meantime.
  const part = move && isWhole ? new type(buffer.transfer()) : (values.slice(0, length) as T);
  transferList.push(part.buffer as ArrayBuffer);
  return part;
}

/** Values that nobody else sees: a copy of what is in shared memory, which is used again. */
function ownValues<T extends Values>(values: T): T {
  if (!(values.buffer instanceof SharedArrayBuffer)) return values;
  const copy = takeValues(values.constructor as ValuesConstructor<T>, values.length);
  copy.set(values as never);
  return copy;
}

function outOfOrder(got: number, expected: number): PipelineError {
  return new PipelineError({
    code: 'ERR_CONNECTOR_PROTOCOL',
    place: 'transfer',
    fact: `message ${got} came where message ${expected} was due`,
    remedy: 'post every message of a BatchSender to one BatchReceiver, in order',
  });
}
