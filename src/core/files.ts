/** What a file is, as far as connectors ask. */
export interface FileFacts {
  readonly kind: 'file' | 'directory' | 'other';
  readonly sizeBytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedMs: number;
  /** With `inode`, tells two files of one name apart. */
  readonly device: number;
  readonly inode: number;
  /** How many names it has: 0 of a file that is open and was removed. */
  readonly links: number;
}

/** The room on a file system. */
export interface FileSpace {
  readonly bytesTotal: number;
  /** What this process may still write. */
  readonly bytesFree: number;
}

/** An open file. */
export interface FileHandle extends AsyncDisposable {
  /** Fills `into` from a byte offset; resolves to how many bytes were there, 0 at the end. */
  read(into: Uint8Array, offset: number): Promise<number>;
  /** Writes all of `bytes` at the end. */
  append(bytes: Uint8Array): Promise<void>;
  /** Cuts the file to a length. */
  truncate(sizeBytes: number): Promise<void>;
  /** Makes what was written durable (fdatasync). */
  sync(): Promise<void>;
  /** What the file is now. */
  facts(): Promise<FileFacts>;
  /** Lets go of the file; does not make it durable. */
  close(): Promise<void>;
}

/** A lock that is held until it is released, or the process ends, however it does. */
export interface FileLock {
  release(): Promise<void>;
}

/**
 * The file system. Every failure is a `PipelineError` with code `ERR_CONNECTOR_FILE` whose place is
 * the path; `cause` is the system's error.
 */
export interface Files {
  /**
   * `read`: must exist. `replace`: made or truncated. `append`: made if missing, read and write.
   * `private`: as `append`, but what is made is for the owner only (mode 0600, directories 0700).
   */
  open(path: string, mode: 'read' | 'replace' | 'append' | 'private'): Promise<FileHandle>;
  /** Undefined where nothing is. */
  facts(path: string): Promise<FileFacts | undefined>;
  /** The files that match a glob pattern, sorted by name. */
  match(pattern: string): Promise<string[]>;
  /** The whole of a UTF-8 file. */
  readText(path: string): Promise<string>;
  /** The room on the file system that a path is on. */
  space(path: string): Promise<FileSpace>;
  /**
   * Makes a directory, with those on the way; nothing where it is there. `private`: for the owner
   * only (mode 0700); fails where it is there and is another user's, or everybody may write to it.
   */
  makeDirectory(path: string, access?: 'private'): Promise<void>;
  /**
   * Takes a lock, for a file of that name, which is made and stays; undefined while another process,
   * or another part of this one, has it.
   */
  lock(path: string): Promise<FileLock | undefined>;
  /** Takes the place of a file of that name. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; nothing where there is none. */
  remove(path: string): Promise<void>;
}
