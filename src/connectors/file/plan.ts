import { createDecoder, inferSchema } from '../../batch/codec.ts';
import { Schema } from '../../batch/index.ts';
import { checkEach, type FileHandle, type Files, type PlanContext } from '../../core/index.ts';
import { readFully } from '../../core/record-file.ts';
import { isPipelineError, PipelineError } from '../../errors.ts';
import { ofFile } from './format.ts';
import { findFiles } from './partitions.ts';
import type { FileReading } from './source.ts';

/** How much of a file is looked at before data flows. */
const sampleBytesMax = 1_048_576;
const lineFeed = 10;
const carriageReturn = 13;

/**
 * Finds the files, makes sure that each can be read, and the schema of their rows. Throws one error
 * for everything that is wrong with them.
 */
export async function planFiles(
  reading: FileReading,
  given: Schema | undefined,
  { files }: PlanContext,
): Promise<Schema> {
  const refusals: PipelineError[] = [];
  const paths = await findFiles(files, reading.paths, (refusal) => void refusals.push(refusal));
  const checkFile = async (path: string, schema: Schema | undefined): Promise<void> => {
    try {
      const format = reading.formatOf(path);
      await using handle = await files.open(path, 'read');
      if (schema !== undefined && format === 'csv') {
        await checkHeader(path, handle, schema, reading);
      }
    } catch (error) {
      if (!isPipelineError(error)) throw error;
      refusals.push(error);
    }
  };
  for (const path of paths) await checkFile(path, given);
  throwEach(refusals);
  if (given !== undefined) return given;
  const found = await inferFrom(files, paths, reading);
  for (const path of paths) await checkFile(path, found);
  throwEach(refusals);
  return found;
}

function throwEach(refusals: readonly PipelineError[]): void {
  checkEach(refusals, (refusal) => {
    throw refusal;
  });
}

/** The schema that the first file with records suggests; without fields where all are empty. */
async function inferFrom(
  files: Files,
  paths: readonly string[],
  { formatOf, decode }: FileReading,
): Promise<Schema> {
  for (const path of paths) {
    await using handle = await files.open(path, 'read');
    const { bytes, isWhole } = await sample(handle);
    if (isBlank(bytes)) continue;
    const { encoding, delimiter, header } = decode;
    let first: string | undefined;
    const refused = (offset: number, message: string): void => {
      first ??= `at byte ${offset}: ${message}`;
    };
    const options = { complete: isWhole, encoding, delimiter, header, refused };
    const found = ofFile(path, () => inferSchema(formatOf(path), bytes, options));
    if (found.fields.length > 0) return found;
    throw new PipelineError({
      code: 'ERR_CODEC_FORMAT',
      place: path,
      ...whyNoSchema(bytes, isWhole, first),
    });
  }
  return new Schema([]);
}

/** Why the beginning of a file shows no schema. `first`: what is wrong with its first record. */
function whyNoSchema(
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

/** Throws where the header of a CSV does not fit the schema. */
async function checkHeader(
  path: string,
  handle: FileHandle,
  schema: Schema,
  { decode }: FileReading,
): Promise<void> {
  const report = { failed: () => {}, counted: () => {} };
  const options = { ...decode, report, rowsMax: 1 };
  const { bytes, isWhole } = await sample(handle);
  ofFile(path, () => {
    const decoder = createDecoder('csv', schema, options);
    decoder.push(bytes);
    decoder.next()?.release();
    if (decoder.columns !== null || !isWhole) return;
    decoder.end();
    decoder.next()?.release();
  });
}

async function sample(handle: FileHandle): Promise<{ bytes: Uint8Array; isWhole: boolean }> {
  const { sizeBytes } = await handle.facts();
  const bytes = new Uint8Array(Math.min(sizeBytes, sampleBytesMax));
  const read = await readFully(handle, bytes, 0);
  return { bytes: bytes.subarray(0, read), isWhole: read === sizeBytes };
}

/** True where there are line ends and a byte order mark at most. */
function isBlank(bytes: Uint8Array): boolean {
  return new TextDecoder('latin1').decode(bytes).replace('\u00ef\u00bb\u00bf', '').trim() === '';
}
