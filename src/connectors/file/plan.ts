import type { Schema } from '../../batch/index.ts';
import type { PlanContext } from '../../core/index.ts';
import { PipelineError } from '../../errors.ts';
import { findFiles } from './partitions.ts';
import type { FileReading } from './source.ts';

/** Finds the files, makes sure that each can be opened, and the schema of their rows. */
export async function planFiles(
  reading: FileReading,
  given: Schema | undefined,
  { files }: PlanContext,
): Promise<Schema> {
  const paths = await findFiles(files, reading.paths);
  for (const path of paths) {
    reading.formatOf(path);
    await (await files.open(path, 'read')).close();
  }
  if (given !== undefined) return given;
  throw new PipelineError({
    code: 'ERR_CONNECTOR_FILE',
    place: paths[0]!,
    fact: 'no inference yet',
  });
}
