import { createDecoder, type Schema } from '../../batch/index.ts';
import { type FileHandle, type PlanContext, readFully } from '../../core/index.ts';
import { PipelineError } from '../../errors.ts';
import { ofFile } from './format.ts';
import { findFiles } from './partitions.ts';
import type { FileReading } from './source.ts';

/** How much of a file is looked at before data flows. */
const sampleBytesMax = 1_048_576;

/** Finds the files, makes sure that each can be read, and the schema of their rows. */
export async function planFiles(
  reading: FileReading,
  given: Schema | undefined,
  { files }: PlanContext,
): Promise<Schema> {
  const paths = await findFiles(files, reading.paths);
  for (const path of paths) {
    const format = reading.formatOf(path);
    await using handle = await files.open(path, 'read');
    if (given !== undefined && format === 'csv') await checkHeader(path, handle, given, reading);
  }
  if (given !== undefined) return given;
  throw new PipelineError({
    code: 'ERR_CONNECTOR_FILE',
    place: paths[0]!,
    fact: 'no inference yet',
  });
}

/** Throws where the header of a CSV does not fit the schema. */
async function checkHeader(
  path: string,
  handle: FileHandle,
  given: Schema,
  { decode }: FileReading,
): Promise<void> {
  const report = { failed: () => {}, counted: () => {} };
  const options = { ...decode, report, rowsMax: 1 };
  const decoder = ofFile(path, () => createDecoder('csv', given, options));
  const { bytes, isWhole } = await sample(handle);
  ofFile(path, () => {
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
