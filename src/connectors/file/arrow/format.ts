import { type Dictionaries, fieldOf } from '../../../batch/arrow/from-arrow.ts';
import { type Field, Schema } from '../../../batch/index.ts';
import type { FileContents } from '../contents.ts';
import type { FileFormat, FileReader, FileToRead } from '../file-format.ts';
import type { Start, StartPosition } from '../start.ts';
import { misfit, unreadable } from '../unreadable.ts';
import { endOfStream, fileBegin, isFileFormat, messageAt } from './messages.ts';
import { type ArrowPackage, loadPackage, readZstd } from './peer.ts';
import { ArrowReader } from './reader.ts';
import { readTable } from './table.ts';

type ArrowFields = Parameters<typeof fieldOf>[0][];

/** Arrow IPC, as a stream or as a file with a table at its end: read from the beginning both. */
export const arrowFormat: FileFormat = {
  unit: 'rows',

  async findSchema(path: string, handle: FileContents): Promise<Schema> {
    const { fields } = await readSchema(await loadPackage(), path, handle);
    return new Schema(fields.map(fieldOf));
  },

  async check(path: string, handle: FileContents, schema: Schema): Promise<void> {
    const { fields } = await readSchema(await loadPackage(), path, handle);
    for (const field of schema.fields) assertHolds(path, fields, field);
  },

  /** At so many rows; whether there are as many is seen when it is opened. */
  async startIn(_path: string, _handle: FileContents, start: Start): Promise<StartPosition> {
    return { offset: typeof start === 'object' ? start.offset : 0 };
  },

  async open(to: FileToRead): Promise<FileReader> {
    const arrow = await to.context.clock.hold(loadPackage());
    readZstd(arrow);
    const { fields, head, start, isFile } = await readSchema(arrow, to.path, to.handle);
    const { output } = to.context;
    for (const field of output.fields) assertHolds(to.path, fields, field);
    const names = new Set(fields.map(({ name }) => name));
    const dictionaries: Dictionaries = new Map();
    const reader = new ArrowReader({ to, arrow, dictionaries, names, isFile, start });
    await reader.begin(head);
    return reader;
  },
};

/** How a file begins. */
interface Beginning {
  readonly fields: ArrowFields;
  /** The schema as it is written there. */
  readonly head: Uint8Array;
  /** Where the rest begins. */
  readonly start: number;
  /** Whether there is a table at its end. */
  readonly isFile: boolean;
}

async function readSchema(
  arrow: ArrowPackage,
  path: string,
  handle: FileContents,
): Promise<Beginning> {
  const isFile = await isFileFormat(handle);
  const message = await messageAt(arrow, path, handle, isFile ? fileBegin.length : 0);
  if (typeof message === 'string') {
    throw unreadable(path, 'is no Arrow file, or is cut short before its schema');
  }
  const { schema, head, end: start } = message;
  if (schema !== undefined) return { fields: fieldsOf(schema), head, start, isFile };
  // Not every writer puts it before the record batches too.
  if (isFile) return schemaOfTable(arrow, path, handle);
  throw unreadable(path, 'does not begin with a schema');
}

/** The schema in the table at the end of a file, as a message. */
async function schemaOfTable(
  arrow: ArrowPackage,
  path: string,
  handle: FileContents,
): Promise<Beginning> {
  const table = await readTable(path, handle);
  if (table === undefined) throw unreadable(path, 'has no table at its end: it is cut short');
  const { schema } = table;
  const stream = arrow.tableToIPC(new arrow.Table(schema), 'stream');
  const head = stream.subarray(0, stream.length - endOfStream.length);
  return { fields: fieldsOf(schema), head, start: fileBegin.length, isFile: true };
}

function fieldsOf({ fields }: { readonly fields: unknown }): ArrowFields {
  return fields as ArrowFields;
}

function assertHolds(path: string, fields: ArrowFields, field: Field): void {
  const from = fields.find(({ name }) => name === field.name);
  if (from === undefined) {
    if (field.nullable) return;
    throw misfit(path, `has no column \`${field.name}\``);
  }
  const { kind } = fieldOf(from);
  if (kind === field.kind) return;
  const isText = kind === 'text' && (field.kind === 'category' || field.kind === 'json');
  if (!isText) throw misfit(path, `column \`${field.name}\` is ${kind}, not ${field.kind}`);
}
