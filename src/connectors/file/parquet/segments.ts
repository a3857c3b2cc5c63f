import { Buffer } from 'node:buffer';

import type { FileMetaData, RowGroup } from 'hyparquet';

import type { FileHandle } from '../../../core/index.ts';
import { readFully } from '../../../core/record-file.ts';
import { schemaKey } from './metadata.ts';
import { loadHyparquet } from './peer.ts';

/**
 * What was committed at once: row groups, and behind them a footer of these alone. A file is a chain
 * of segments, so that what stands in it is found again wherever it ends.
 */
export interface Segment {
  /** Where it begins: where the one before it ends. */
  readonly start: number;
  readonly end: number;
  /** The id of its first record. */
  readonly first: string;
  /** The schema of its rows, as it is kept in files. */
  readonly schema: string | undefined;
  readonly groups: readonly RowGroup[];
}

/** What a footer of ours says of itself: at the end of a segment, or of a finished file. */
export interface FooterNote {
  /** Where the segment before it ends. */
  readonly start: number;
  /** Where it begins, so that no other bytes are taken for it, and the id of its first record. */
  readonly segment?: { readonly at: number; readonly first: string };
}

/** Under this name a footer keeps its note. */
export const noteKey = 'millrace.segment';

const magic = Buffer.from('PAR1');
/** Where the first segment begins. */
export const firstSegment: number = magic.length;
const tailBytes = 8;
const blockBytes = 262_144;

interface Footer {
  readonly note: FooterNote;
  readonly metadata: FileMetaData;
  readonly end: number;
}

/** The segments of a file that this sink has written, whole or not; none where it is no such file. */
export async function findSegments(handle: FileHandle): Promise<Segment[]> {
  const segments: Segment[] = [];
  let footer = await lastFooter(handle);
  while (footer !== undefined) {
    const { note, metadata, end } = footer;
    const { start, segment } = note;
    const groups = metadata.row_groups;
    const schema = metadata.key_value_metadata?.find(({ key }) => key === schemaKey)?.value;
    if (segment !== undefined)
      segments.unshift({ start, end, first: segment.first, schema, groups });
    if (start <= firstSegment) return segments;
    footer = await footerEndingAt(handle, start);
  }
  return [];
}

/** The last footer of ours in a file, which may be torn behind it. */
async function lastFooter(handle: FileHandle): Promise<Footer | undefined> {
  const { sizeBytes } = await handle.facts();
  const block = Buffer.alloc(Math.min(blockBytes, sizeBytes));
  for (let end = sizeBytes; end > firstSegment;) {
    const start = Math.max(0, end - block.length);
    const part = block.subarray(0, end - start);
    await readFully(handle, part, start);
    for (
      let at = part.lastIndexOf(magic);
      at >= 0;
      at = at === 0 ? -1 : part.lastIndexOf(magic, at - 1)
    ) {
      const footer = await footerEndingAt(handle, start + at + magic.length);
      if (footer !== undefined) return footer;
    }
    if (start === 0) break;
    // The magic may lie across two blocks.
    end = start + magic.length - 1;
  }
  return undefined;
}

/** The footer that ends at an offset; undefined where none of ours does. */
async function footerEndingAt(handle: FileHandle, end: number): Promise<Footer | undefined> {
  const tail = Buffer.alloc(tailBytes);
  if (end < tailBytes || (await readFully(handle, tail, end - tailBytes)) < tailBytes) {
    return undefined;
  }
  const at = end - tailBytes - tail.readUInt32LE(0);
  if (at < firstSegment || !tail.subarray(4).equals(magic)) return undefined;
  const bytes = new Uint8Array(end - at);
  await readFully(handle, bytes, at);
  const { parquetMetadata } = await loadHyparquet();
  try {
    const metadata = parquetMetadata(bytes, { geoparquet: false });
    const kept = metadata.key_value_metadata?.find(({ key }) => key === noteKey)?.value;
    const note = JSON.parse(kept ?? 'null') as FooterNote | null;
    const isWhere = note !== null && (note.segment?.at ?? at) === at;
    return isWhere ? { note, metadata, end } : undefined;
  } catch {
    // What ends in the magic by chance.
    return undefined;
  }
}
