import { readFully } from '../../core/record-file.ts';
import type { FileContents } from './contents.ts';

/** How much of a file is looked at before data flows. */
const sampleBytesMax = 1_048_576;
const lineFeed = 10;
const carriageReturn = 13;

/** Why the beginning of a file shows no schema. `first`: what is wrong with its first record. */
export function whyNoSchema(
  bytes: Uint8Array,
  isWhole: boolean,
  first: string | undefined,
): { readonly fact: string; readonly remedy: string } {
  if (bytes.includes(carriageReturn) && !bytes.includes(lineFeed)) {
    return { fact: 'its lines end with CR alone', remedy: 'end them with LF or CRLF' };
  }
  if (first !== undefined) {
    return { fact: `no record shows a schema; ${first}`, remedy: 'correct it, or give `schema`' };
  }
  if (!isWhole) {
    const fact = `no record ends in its first ${bytes.length} bytes`;
    return { fact, remedy: 'end the quote or the line that is open, or give `schema`' };
  }
  return { fact: 'has no record with a field', remedy: 'give `schema`' };
}

/** The beginning of what a file holds; whether that is all of it. */
export async function sample(
  handle: FileContents,
): Promise<{ bytes: Uint8Array; isWhole: boolean }> {
  const bytes = new Uint8Array(sampleBytesMax);
  const read = await readFully(handle, bytes, 0);
  const isWhole = read < bytes.length && handle.compressed?.isWhole !== false;
  return { bytes: bytes.subarray(0, read), isWhole };
}

/** True where there are line ends and a byte order mark at most. */
export function isBlank(bytes: Uint8Array): boolean {
  return new TextDecoder('latin1').decode(bytes).replace('\u00ef\u00bb\u00bf', '').trim() === '';
}
