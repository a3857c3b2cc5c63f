import { basename, join } from 'node:path';

import type { Schema } from '../../../batch/index.ts';
import type { Files } from '../../../core/index.ts';
import { PipelineError } from '../../../errors.ts';
import { type Growing, type Left, unfinished } from './growing-file.ts';
import { schemaText } from './metadata.ts';
import { findSegments, type Segment } from './segments.ts';

/**
 * What is left of a file, to be gone on with: without an end, or whole, which takes its name away
 * again. Undefined where there is none. Throws where it was not written by this sink.
 */
export async function leftOf({ files, path, schema }: Growing): Promise<Left | undefined> {
  const growing = path + unfinished;
  if ((await files.facts(growing)) === undefined) {
    if ((await files.facts(path)) === undefined) return undefined;
    const found = await segmentsOf(files, path);
    if (found.length === 0) throw refused(path, 'was not written by this sink');
    assertOf(schema, path, found);
    await files.rename(path, growing);
  }
  const handle = await files.open(growing, 'append');
  try {
    const segments = await findSegments(handle);
    assertOf(schema, growing, segments);
    return { handle, segments };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The files of a series, in the order in which they were begun. */
export class Series {
  readonly #growing: Omit<Growing, 'path'>;
  readonly #directory: string;

  constructor(growing: Omit<Growing, 'path'>, directory: string) {
    this.#growing = growing;
    this.#directory = directory;
  }

  /** The path of a file without an end, if there is one. */
  async unfinished(): Promise<string | undefined> {
    const names = await this.#match(`*.parquet${unfinished}`);
    return names.at(-1)?.slice(0, -unfinished.length);
  }

  /**
   * The path of the last file where it has a record as the first of what was committed at once: what
   * is there comes again, and is to be replaced.
   */
  async pathOf(first: string): Promise<string | undefined> {
    const last = await this.#last();
    if (last === undefined) return undefined;
    const segments = await segmentsOf(this.#growing.files, last);
    return segments.some((segment) => segment.first === first) ? last : undefined;
  }

  /** The path of the next file, which begins with a record. */
  async nextPath(first: string): Promise<string> {
    const last = await this.#last();
    const number = last === undefined ? 0 : Number(/^\d+/.exec(basename(last))?.[0]);
    return this.#path(number + 1, first);
  }

  /** A file that begins with a record, which is not the one where it belongs: its rows come twice. */
  async begunWith(first: string, path: string): Promise<string | undefined> {
    const names = await this.#match(`*-${first}.parquet`);
    return names.find((name) => basename(name) !== basename(path));
  }

  async #last(): Promise<string | undefined> {
    return (await this.#match('*.parquet')).at(-1);
  }

  #path(number: number, first: string): string {
    return join(this.#directory, `${String(number).padStart(8, '0')}-${first}.parquet`);
  }

  async #match(pattern: string): Promise<string[]> {
    const paths = await this.#growing.files.match(join(this.#directory, pattern));
    return paths.filter((path) => /^\d{8}-/.test(basename(path)));
  }
}

async function segmentsOf(files: Files, path: string): Promise<Segment[]> {
  await using handle = await files.open(path, 'read');
  return await findSegments(handle);
}

function assertOf(schema: Schema, path: string, segments: readonly Segment[]): void {
  const text = schemaText(schema);
  if (segments.some((segment) => segment.schema !== text)) {
    throw refused(path, 'has rows of another schema');
  }
}

function refused(path: string, fact: string): PipelineError {
  return new PipelineError({
    code: 'ERR_CONNECTOR_FILE',
    place: path,
    fact,
    remedy: 'write to another file, or move this one away',
  });
}
