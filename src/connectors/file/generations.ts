import type { JsonValue } from '../../batch/index.ts';
import type { FilePosition } from './partitions.ts';

const goneMax = 1000;

/**
 * Names for what records are of, where file follows file under one path: `a.log`, `a.log#1`. No two
 * records of one source have one name and offset.
 */
export class Partitions {
  /** How many files have had a path, of those that are followed. */
  readonly #current = new Map<string, number>();
  /** The same of paths whose file is gone; the latest of them. */
  #gone: Readonly<Record<string, number>>;

  constructor(saved: readonly FilePosition[], from: JsonValue | undefined) {
    const { generations = {} } = (from ?? {}) as { generations?: Record<string, number> };
    this.#gone = generations;
    for (const position of saved) {
      const { path, generation } = parse(position);
      this.#current.set(path, Math.max(generation, this.#current.get(path) ?? 0));
    }
  }

  /** For a position: never changes. */
  get gone(): Readonly<Record<string, number>> {
    return this.#gone;
  }

  /** The name of the next file of a path. */
  next(path: string): string {
    const last = Math.max(this.#current.get(path) ?? -1, this.#gone[path] ?? -1);
    this.#current.set(path, last + 1);
    return last < 0 ? path : `${path}#${last + 1}`;
  }

  /** A file is followed no more. */
  leave(position: FilePosition): void {
    const { path, generation } = parse(position);
    if (this.#current.get(path) !== generation) return;
    this.#current.delete(path);
    const others = Object.entries(this.#gone).filter(([other]) => other !== path);
    this.#gone = Object.fromEntries([...others.slice(1 - goneMax), [path, generation]]);
  }
}

/** The path that a file had when it was found. */
export function nameOf(position: FilePosition): string {
  return parse(position).path;
}

function parse({ path, partition }: FilePosition): { path: string; generation: number } {
  if (partition === undefined) return { path, generation: 0 };
  const at = partition.lastIndexOf('#');
  const generation = at < 0 ? NaN : Number(partition.slice(at + 1));
  return Number.isSafeInteger(generation)
    ? { path: partition.slice(0, at), generation }
    : { path: partition, generation: 0 };
}
