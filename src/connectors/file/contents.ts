import type { FileHandle } from '../../core/index.ts';
import { PipelineError } from '../../errors.ts';

/** What an open file holds: of one that is compressed, what comes out of it. */
export interface FileContents
  extends Pick<FileHandle, 'read' | 'facts' | 'close'>, AsyncDisposable {
  /** Of one that is compressed, as far as it was read. */
  readonly compressed?: Compressed;
}

/** How far a compressed file was read. */
export interface Compressed {
  /** How many bytes of the file. */
  readonly fileBytes: number;
  /** False in the middle of a compressed stream: at the end of the file, it is cut short. */
  readonly isWhole: boolean;
  /** How many bytes behind the last stream belong to none. */
  readonly garbageBytes: number;
}

/** Throws where a file is compressed though nothing says so: every record in it would be none. */
export async function checkContents(path: string, contents: FileContents): Promise<void> {
  const head = new Uint8Array(4);
  const read = await contents.read(head, 0);
  if (contents.compressed !== undefined || read < head.length) return;
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  const isZstd = new DataView(head.buffer).getUint32(0, true) === 0xfd2fb528;
  if (!isGzip && !isZstd) return;
  const [found, ending] = isGzip ? ['gzip', '.gz'] : ['zstd', '.zst'];
  throw new PipelineError({
    code: 'ERR_CONNECTOR_FILE',
    place: path,
    fact: `is compressed with ${found}, which its name does not tell`,
    remedy: `set \`compression: ${found}\`, or let its name end with \`${ending}\``,
  });
}
