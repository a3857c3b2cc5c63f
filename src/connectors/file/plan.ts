import { Schema } from '../../batch/index.ts';
import { checkEach, type Clock, type Files, type PlanContext } from '../../core/index.ts';
import { isPipelineError, PipelineError } from '../../errors.ts';
import { checkContents } from './contents.ts';
import { openContents } from './open-contents.ts';
import { findFiles } from './partitions.ts';
import type { FileReading } from './opening.ts';

/**
 * Finds the files, makes sure that each can be read, and the schema of their rows. Throws one error
 * for everything that is wrong with them.
 */
export async function planFiles(
  reading: FileReading,
  { files, clock }: PlanContext,
): Promise<Schema> {
  const { schema: given, pollMs, start } = reading;
  const refusals: PipelineError[] = [];
  const refuse = (refusal: PipelineError): void => void refusals.push(refusal);
  const missing = pollMs === undefined ? 'refused' : 'awaited';
  const found = await findFiles(files, reading.paths, refuse, missing);
  const paths = found.map(({ path }) => path);
  if (typeof start !== 'string' && paths.length > 1) refuse(manyStarts(paths));
  const checkFile = async (path: string, schema: Schema | undefined): Promise<void> => {
    try {
      const format = await reading.formatFor(path);
      const compression = reading.compressionOf(path);
      if (pollMs !== undefined && format.follow === undefined) throw notFollowed(path);
      if (compression !== 'none' && format.unit === 'rows') throw notDecompressed(path);
      await using handle = await openContents(files, path, compression, clock);
      await checkContents(path, handle);
      if (schema === undefined) return;
      await format.check(path, handle, schema);
      await format.startIn(path, handle, start, schema);
    } catch (error) {
      if (!isPipelineError(error)) throw error;
      refusals.push(error);
    }
  };
  for (const path of paths) await checkFile(path, given);
  throwEach(refusals);
  if (given !== undefined) return given;
  const schema = await findSchema(files, clock, paths, reading);
  for (const path of paths) await checkFile(path, schema);
  throwEach(refusals);
  if (pollMs !== undefined && schema.fields.length === 0) throw noSchema(reading.paths);
  return schema;
}

function refused(place: string, fact: string, remedy: string): PipelineError {
  return new PipelineError({ code: 'ERR_CONFIG_INVALID', place, fact, remedy });
}

function notFollowed(path: string): PipelineError {
  const fact = 'is of a format whose files are whole when they are written, and do not grow';
  return refused(path, fact, 'leave out `follow`');
}

function notDecompressed(path: string): PipelineError {
  const fact =
    'is of a format that compresses its parts, and compressed as a whole it cannot be read';
  return refused(path, fact, 'decompress it');
}

function manyStarts(paths: readonly string[]): PipelineError {
  const fact = `is one of ${paths.length} files, and \`start\` is an offset in one`;
  return refused(paths[0]!, fact, 'name one file');
}

function noSchema(paths: readonly string[]): PipelineError {
  const fact = 'there is no record yet that would show the schema';
  return refused(paths.join(', '), fact, 'give `schema`');
}

function throwEach(refusals: readonly PipelineError[]): void {
  checkEach(refusals, (refusal) => {
    throw refusal;
  });
}

/** The schema that the first file with records shows; without fields where all are empty. */
async function findSchema(
  files: Files,
  clock: Clock,
  paths: readonly string[],
  { formatFor, compressionOf }: FileReading,
): Promise<Schema> {
  for (const path of paths) {
    const format = await formatFor(path);
    await using handle = await openContents(files, path, compressionOf(path), clock);
    const found = await format.findSchema(path, handle);
    if (found !== undefined) return found;
  }
  return new Schema([]);
}
