import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';

import type { FileHandle, Files } from '../../core/index.ts';
import { readFully } from '../../core/record-file.ts';

/** How far a segment has been dealt with. */
export interface SpillPosition {
  /** Of the next frame. */
  readonly offset: number;
  /** Before that. */
  readonly rows: number;
}

/** At the beginning of a segment. */
export const spillStart: SpillPosition = { offset: 0, rows: 0 };

/** An offset, rows, and a checksum of both. */
const recordBytes = 20;

/** Reads the position that was written last; the beginning where there is none. */
export async function readPosition(files: Files, path: string): Promise<SpillPosition> {
  const facts = await files.facts(path);
  if (facts === undefined) return spillStart;
  await using handle = await files.open(path, 'read');
  const record = Buffer.allocUnsafe(recordBytes);
  // What a power cut has torn is passed over.
  for (let at = wholeBytes(facts.sizeBytes) - recordBytes; at >= 0; at -= recordBytes) {
    if ((await readFully(handle, record, at)) < recordBytes) continue;
    if (crc32(record.subarray(0, 16)) !== record.readUInt32BE(16)) continue;
    return { offset: record.readDoubleBE(0), rows: record.readDoubleBE(8) };
  }
  return spillStart;
}

/** Opens the positions of a segment, to add to them. */
export async function openPositions(files: Files, path: string): Promise<FileHandle> {
  const handle = await files.open(path, 'private');
  try {
    const { sizeBytes } = await handle.facts();
    if (sizeBytes !== wholeBytes(sizeBytes)) await handle.truncate(wholeBytes(sizeBytes));
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Writes a position durably. */
export async function addPosition(
  handle: FileHandle,
  { offset, rows }: SpillPosition,
): Promise<void> {
  const record = Buffer.allocUnsafe(recordBytes);
  record.writeDoubleBE(offset, 0);
  record.writeDoubleBE(rows, 8);
  record.writeUInt32BE(crc32(record.subarray(0, 16)), 16);
  await handle.append(record);
  await handle.sync();
}

function wholeBytes(sizeBytes: number): number {
  return sizeBytes - (sizeBytes % recordBytes);
}
