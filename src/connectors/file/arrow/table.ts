import type { Schema } from 'apache-arrow';

import { readFully } from '../../../core/record-file.ts';
import { reasonOf } from '../../../errors.ts';
import type { FileContents } from '../contents.ts';
import { unreadable } from '../unreadable.ts';
import { fileEnd } from './messages.ts';

/** What stands at the end of a file: its schema, and how many record batches it has. */
export interface ArrowTable {
  readonly schema: Schema;
  readonly numRecordBatches: number;
}

const tailBytes = 4 + fileEnd.length;
const tableBytesMax = 1_073_741_824;

/** The table at the end of a file; undefined where it is cut short. Throws where it is damaged. */
export async function readTable(
  path: string,
  handle: FileContents,
): Promise<ArrowTable | undefined> {
  const { Footer } = await import('apache-arrow/ipc/metadata/file');
  const { sizeBytes } = await handle.facts();
  const tail = new Uint8Array(tailBytes);
  const at = sizeBytes - tailBytes;
  await readFully(handle, tail, Math.max(0, at));
  const bytes = new DataView(tail.buffer).getInt32(0, true);
  const isTable = fileEnd.every((byte, index) => byte === tail[4 + index]);
  if (!isTable || bytes <= 0 || bytes > Math.min(at, tableBytesMax)) return undefined;
  const table = new Uint8Array(bytes);
  await readFully(handle, table, at - bytes);
  try {
    return Footer.decode(table);
  } catch (cause) {
    throw unreadable(path, `the table at its end cannot be read: ${reasonOf(cause)}`, { cause });
  }
}
