import { Batch } from '../../batch/index.ts';
import {
  endOfInput,
  type Lag,
  type Position,
  type SourceConnector,
  type SourceContext,
} from '../../core/index.ts';
import { RefusedRecords } from '../../core/refused-records.ts';
import type { FileReader } from './file-format.ts';
import { closedUnless, type FileReading, openFile, tellReplaced } from './opening.ts';
import { type FilePosition, findFiles, identityOf } from './partitions.ts';
import { parsePositions, PositionList } from './position-list.ts';

/** Reads files one after the other, each a partition. */
export class FileSource implements SourceConnector {
  readonly #reading: FileReading;
  readonly #context: SourceContext;
  readonly #refused: RefusedRecords;
  #paths: readonly string[] = [];
  /** Which of the paths comes next. */
  #next = 0;
  /** Where an earlier run left off, by path. */
  readonly #saved = new Map<string, FilePosition>();
  readonly #finished = new PositionList();
  /** What was saved, in the order of paths, and how much of it belongs to paths before the next. */
  readonly #later = new PositionList();
  #passed = 0;
  readonly #bytes = new Map<string, number>();
  #bytesWaiting = 0;
  #isResumed = false;
  #file: FileReader | undefined;
  #opening: Promise<FileReader> | undefined;

  constructor(reading: FileReading, context: SourceContext) {
    this.#reading = reading;
    this.#context = context;
    this.#refused = new RefusedRecords(context.report, context.batchLimits);
  }

  async open(from: Position | undefined): Promise<void> {
    const { files, log, id, output } = this.#context;
    if (this.#reading.schema === undefined)
      log.info('schema.inferred', { schema: output.toJSON() });
    const saved = from === undefined ? [] : parsePositions(from, id);
    this.#isResumed = from !== undefined;
    const byIdentity = firstBy(saved, identityOf);
    const byPath = firstBy(saved, ({ path }) => path);
    const found = await findFiles(files, this.#reading.paths, (refusal) => {
      throw refusal;
    });
    this.#paths = found.map(({ path }) => path);
    for (const { path, facts } of found) {
      this.#bytes.set(path, facts.sizeBytes);
      this.#bytesWaiting += facts.sizeBytes;
      const position = byIdentity.get(identityOf(facts)) ?? byPath.get(path);
      if (position === undefined) continue;
      this.#saved.set(path, { ...position, path });
      this.#later.add({ ...position, path });
    }
  }

  async read(signal: AbortSignal): Promise<Batch | typeof endOfInput> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#file === undefined && this.#next === this.#paths.length) return endOfInput;
      this.#file ??= await (this.#opening = this.#openNext());
      const batch = await this.#file.read(signal);
      if (this.#file.isFinished) await this.#finish();
      if (batch === undefined && !this.#refused.areMany) continue;
      this.#refused.clear();
      return batch ?? Batch.from([], this.#context.output, { source: this.#context.id });
    }
  }

  /**
   * Asked for at each read and seldom looked at: the list of files is made when it is. What was saved
   * of files that were read since may still be in it, behind what holds of them.
   */
  position(): Position {
    const files = this.#file === undefined ? [] : [this.#file.position];
    const [finished, later, passed] = [this.#finished.frozen(), this.#later, this.#passed];
    const position = {
      files,
      get others() {
        return [...finished(), ...later.rest(passed)];
      },
    };
    return position as unknown as Position;
  }

  /** The file that it reads. */
  partitions(): readonly string[] {
    return this.#file === undefined ? [] : [this.#file.position.path];
  }

  /** Bytes that are left to read. */
  lag(): Lag {
    return { value: (this.#file?.bytesLeft ?? 0) + this.#bytesWaiting, unit: 'bytes' };
  }

  async close(): Promise<void> {
    // A run that fails does not wait for a read; the file that it opens is there behind this.
    await this.#opening?.catch(() => {});
    await this.#file?.close();
  }

  async #openNext(): Promise<FileReader> {
    const path = this.#paths[this.#next]!;
    const saved = this.#saved.get(path);
    const [reading, context, refused] = [this.#reading, this.#context, this.#refused];
    const start = this.#isResumed ? 'beginning' : reading.start;
    const opened = await openFile(reading, { path }, saved, context, refused, start);
    const { file, format, change } = opened;
    if (change !== undefined) tellReplaced(context.log, path, change, saved!.offset);
    const reader = await closedUnless(file.handle, () => format.open(file));
    this.#next++;
    if (saved !== undefined) this.#passed++;
    this.#bytesWaiting -= this.#bytes.get(path) ?? 0;
    return reader;
  }

  async #finish(): Promise<void> {
    const file = this.#file!;
    this.#file = undefined;
    this.#finished.add(file.position);
    await file.close();
  }
}

function firstBy(
  positions: readonly FilePosition[],
  keyOf: (position: FilePosition) => string,
): Map<string, FilePosition> {
  return new Map(positions.toReversed().map((position) => [keyOf(position), position]));
}
