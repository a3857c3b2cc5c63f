import type { Clock, Files } from '../../core/index.ts';
import type { FileContents } from './contents.ts';
import type { Compression } from './format.ts';

/** Opens a file to read what it holds. */
export async function openContents(
  files: Files,
  path: string,
  compression: Compression,
  clock: Clock,
): Promise<FileContents> {
  const handle = await files.open(path, 'read');
  if (compression === 'none') return handle;
  const { CompressedContents } = await clock.hold(import('./compressed-contents.ts'));
  return new CompressedContents(path, handle, compression, clock);
}
