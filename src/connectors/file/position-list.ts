import { Buffer } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';

import type { JsonValue } from '../../batch/index.ts';
import { PipelineError } from '../../errors.ts';
import type { FilePosition } from './partitions.ts';

/** Positions of files that have some things in common: the rest of each is a row of text. */
interface Group {
  readonly common: Common;
  readonly rows: readonly string[];
}

type Common = Pick<FilePosition, 'device' | 'columns' | 'partition'>;

const rowsMax = 1000;

/**
 * Positions of many files, kept in little room and in few objects: each cut has them all in it, and
 * one that is saved is written whole.
 */
export class PositionList {
  // Positions share both: they are only ever added to.
  readonly #groups: Group[] = [];
  #rows: string[] = [];
  #lastPath = '';

  add(position: FilePosition): void {
    const common = commonOf(position);
    const group = this.#groups.at(-1);
    const isFull = this.#rows.length === rowsMax;
    if (group === undefined || isFull || !isDeepStrictEqual(common, group.common)) {
      this.#rows = [];
      this.#lastPath = '';
      this.#groups.push({ common, rows: this.#rows });
    }
    this.#rows.push(rowOf(position, this.#lastPath));
    this.#lastPath = position.path;
  }

  /** What is in it now, whatever is added before it is called. */
  frozen(): () => readonly Group[] {
    const [groups, count] = [this.#groups, this.#groups.length];
    const [last, rows] = [groups.at(-1), this.#rows.length];
    return () => {
      if (last === undefined) return [];
      return [...groups.slice(0, count - 1), { ...last, rows: last.rows.slice(0, rows) }];
    };
  }

  /** Without the groups that are all of the first `passed`. */
  rest(passed: number): readonly Group[] {
    let left = passed;
    return this.#groups.filter(({ rows }) => (left -= rows.length) < 0);
  }
}

/**
 * The saved positions in what a run was resumed with. Of two that are of one file, or one path, the
 * first holds.
 */
export function parsePositions(from: JsonValue, id: string): readonly FilePosition[] {
  const { files, others = [] } = (from ?? {}) as { files?: unknown; others?: unknown };
  const rest = parseGroups(others);
  const saved = Array.isArray(files) && rest !== undefined ? [...files, ...rest] : [undefined];
  if (saved.every(isFilePosition)) return saved;
  throw new PipelineError({
    code: 'ERR_SNAPSHOT_INVALID',
    place: id,
    fact: 'the saved position is not one of a file source',
    remedy: 'start without it',
  });
}

/** The positions in a list; undefined where it is none. */
function parseGroups(saved: unknown): readonly FilePosition[] | undefined {
  if (!Array.isArray(saved)) return undefined;
  const positions: FilePosition[] = [];
  for (const group of saved) {
    const { common, rows } = (group ?? {}) as Partial<Record<keyof Group, unknown>>;
    if (typeof common !== 'object' || common === null || !Array.isArray(rows)) return undefined;
    let lastPath = '';
    for (const row of rows) {
      const parsed = parseRow(row, lastPath);
      if (parsed === undefined) return undefined;
      positions.push({ ...(common as Common), ...parsed });
      lastPath = parsed.path;
    }
  }
  return positions;
}

function commonOf({ device, columns, partition }: FilePosition): Common {
  return {
    device,
    ...(columns === undefined ? {} : { columns }),
    ...(partition === undefined ? {} : { partition }),
  };
}

/** Of a path, only what differs from that of the row before. */
function rowOf(position: FilePosition, lastPath: string): string {
  const { path, inode, headBytes, headSha256, offset } = position;
  let same = 0;
  while (same < lastPath.length && path[same] === lastPath[same]) same++;
  const head = Buffer.from(headSha256, 'hex').toString('base64url');
  return `${inode} ${headBytes} ${head} ${offset} ${same} ${path.slice(same)}`;
}

const pattern = /^(\d+) (\d+) ([\w-]*) (\d+) (\d+) (.*)$/s;

function parseRow(row: unknown, lastPath: string): Omit<FilePosition, keyof Common> | undefined {
  const parts = typeof row === 'string' ? pattern.exec(row) : null;
  if (parts === null) return undefined;
  const [, inode, headBytes, head, offset, same, path] = parts;
  return {
    path: lastPath.slice(0, Number(same)) + path,
    inode: Number(inode),
    headBytes: Number(headBytes),
    headSha256: Buffer.from(head!, 'base64url').toString('hex'),
    offset: Number(offset),
  };
}

function isFilePosition(value: unknown): value is FilePosition {
  const { path, device, inode, headBytes, headSha256, offset } = (value ??
    {}) as Partial<FilePosition>;
  return (
    typeof path === 'string' &&
    typeof headSha256 === 'string' &&
    [device, inode].every((number) => typeof number === 'number') &&
    [headBytes, offset].every((number) => Number.isSafeInteger(number) && number! >= 0)
  );
}
