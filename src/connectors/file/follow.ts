import { basename, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { Batch } from '../../batch/index.ts';
import type { Lag, Position, SourceConnector, SourceContext } from '../../core/index.ts';
import { RefusedRecords } from '../../core/refused-records.ts';
import { Followed } from './followed.ts';
import { closedUnless, type FileReading, type Opened, openFile, tellReplaced } from './opening.ts';
import { nameOf, Partitions } from './generations.ts';
import { factsOf, findFiles, type FoundFile, identityOf } from './partitions.ts';
import { parsePositions } from './position-list.ts';

/** How many files stay open; of the others it is known how far they were read. */
const openMax = 64;
/** How long a file whose name is gone must stay as it is until nobody is thought to write to it. */
const settledMs = 5000;

/** Reads files as they grow, each by its identity, whatever becomes of its name. Never ends. */
export class FollowSource implements SourceConnector {
  readonly #reading: FileReading;
  readonly #pollMs: number;
  readonly #context: SourceContext;
  readonly #refused: RefusedRecords;
  /** What was there before comes first. */
  #files: Followed[] = [];
  /** Those that are open; those opened first come first. */
  readonly #open = new Set<Followed>();
  /** Those with something to read. */
  #queue: Followed[] = [];
  #partitions = new Partitions([], {});
  /** Those of the files that there is something of, as of the last look. */
  #listed: readonly string[] = [];
  /** Whether the first of the queue may have more of what it read to give. */
  #isAmid = false;
  #nextLookMs = 0;
  #read: Promise<Batch> | undefined;
  readonly #refusedPaths = new Set<string>();

  constructor(reading: FileReading, pollMs: number, context: SourceContext) {
    this.#reading = reading;
    this.#pollMs = pollMs;
    this.#context = context;
    this.#refused = new RefusedRecords(context.report, context.batchLimits);
  }

  async open(from: Position | undefined): Promise<void> {
    const { log, id, output } = this.#context;
    if (this.#reading.schema === undefined)
      log.info('schema.inferred', { schema: output.toJSON() });
    const saved = from === undefined ? [] : parsePositions(from, id);
    this.#partitions = new Partitions(saved, from);
    // Whether it still is the file is seen when it is opened.
    this.#files = saved.map((position) => new Followed(position.path, position, 0));
    await this.#look();
    if (from === undefined && this.#reading.start !== 'beginning') await this.#start();
  }

  read(signal: AbortSignal): Promise<Batch> {
    return (this.#read = this.#readNext(signal));
  }

  async #readNext(signal: AbortSignal): Promise<Batch> {
    const { clock, id, output } = this.#context;
    for (;;) {
      signal.throwIfAborted();
      const waitMs = this.#nextLookMs - clock.monotonic();
      // Another may come first behind a look, and they are all read into the same memory.
      if (waitMs <= 0 && !this.#isAmid) await this.#look();
      const file = this.#queue[0];
      if (file === undefined) {
        if (waitMs > 0) await clock.sleep(waitMs, { signal });
        continue;
      }
      const batch = (await this.#ready(file)) ? await file.read(signal) : undefined;
      this.#isAmid = batch !== undefined || this.#refused.areMany;
      if (!this.#isAmid) {
        if (file.isFinished) await this.#drop(file);
        else if (file.isAtEnd || !file.isOpen) this.#queue.shift();
        continue;
      }
      this.#refused.clear();
      return batch ?? Batch.from([], output, { source: id });
    }
  }

  /** Looked at seldom, and asked for at each read: what it holds never changes. */
  position(): Position {
    const files = this.#files.filter(isKept).map(({ position }) => position);
    const generations = this.#partitions.gone;
    return { files, generations } as unknown as Position;
  }

  /** The files that there is something of, each by the name that its records have. */
  partitions(): readonly string[] {
    return this.#listed;
  }

  /** Bytes that are there and were not read. */
  lag(): Lag {
    const value = this.#files.reduce((sum, { bytesLeft }) => sum + bytesLeft, 0);
    return { value, unit: 'bytes' };
  }

  async close(): Promise<void> {
    // A run that fails does not wait for a read; the file that it opens is there behind this.
    await this.#read?.catch(() => {});
    for (const file of this.#files) await file.close();
  }

  /** Begins the files that are there where they are to be begun. */
  async #start(): Promise<void> {
    const [reading, context, refused] = [this.#reading, this.#context, this.#refused];
    for (const file of this.#files) {
      const { path } = file;
      const opened = await openFile(reading, { path }, undefined, context, refused, reading.start);
      const { from, handle } = opened.file;
      await handle.close();
      if (from !== undefined) file.begin(from, handle.compressed?.fileBytes ?? from.offset);
    }
    this.#queue = this.#files.filter(({ hasMore }) => hasMore);
    this.#list();
  }

  /** Finds out what has become of the files, and which there are besides. */
  async #look(): Promise<void> {
    const { clock, files } = this.#context;
    const startMs = clock.monotonic();
    const refuse = ({ place, fact }: { place: string; fact: string }): void => {
      if (this.#refusedPaths.has(place)) return;
      this.#refusedPaths.add(place);
      this.#context.log.warning('file.refused', { path: place, reason: fact });
    };
    const found = new Map<string, FoundFile>();
    for (const one of await findFiles(files, this.#reading.paths, refuse, 'awaited')) {
      found.set(identityOf(one.facts), one);
    }
    for (const file of this.#files) {
      if (file.isEnding) continue;
      const identity = identityOf(file.position);
      const seen = found.get(identity);
      if (seen === undefined) await this.#lookGone(file);
      else if (await this.#lookAt(file, seen)) found.delete(identity);
    }
    for (const one of found.values()) this.#add(one);
    this.#queue = this.#inTurn(this.#files.filter(({ hasMore }) => hasMore));
    this.#list();
    // Where there are many, looking for more takes a tenth of the time at most.
    const tookMs = clock.monotonic() - startMs;
    this.#nextLookMs = clock.monotonic() + Math.max(this.#pollMs, 9 * tookMs);
  }

  #list(): void {
    const read = this.#files
      .filter(({ hasMore, hasGiven }) => hasMore || hasGiven)
      .map(({ path, position }) => position.partition ?? path);
    if (!isDeepStrictEqual(read, this.#listed)) this.#listed = read;
  }

  /** The file that was read last comes last, so that none keeps the others waiting. */
  #inTurn(files: Followed[]): Followed[] {
    const last = this.#queue[0];
    const at = last === undefined ? -1 : files.indexOf(last);
    return at < 0 ? files : [...files.slice(at + 1), ...files.slice(0, at + 1)];
  }

  /** Whether it is the file that it was. */
  async #lookAt(file: Followed, { path, facts }: FoundFile): Promise<boolean> {
    file.isGone = false;
    file.goneSinceMs = undefined;
    this.#tellMoved(file, path);
    const change = await file.look(path, facts);
    if (change === undefined) return true;
    await this.#replaced(file, change);
    return false;
  }

  /** What is in its place is found by its name, unless that is gone. */
  async #replaced(file: Followed, change: string): Promise<void> {
    const { path, position, isGone } = file;
    tellReplaced(this.#context.log, path, change, position.offset);
    file.replace();
    if (file.isFinished) await this.#drop(file);
    const sibling = isGone ? await this.#sibling(file) : undefined;
    if (sibling !== undefined) this.#add(sibling, nameOf(position));
  }

  /** The name is gone, the file need not be: what its writer still adds is read. */
  async #lookGone(file: Followed): Promise<void> {
    const { clock, log } = this.#context;
    file.isGone = true;
    const sibling = file.isOpen ? undefined : await this.#sibling(file);
    if (file.isOpen || sibling !== undefined) {
      if (sibling !== undefined) this.#tellMoved(file, sibling.path);
      const change = await (sibling === undefined
        ? file.lookGone()
        : file.look(sibling.path, sibling.facts));
      if (change !== undefined) return this.#replaced(file, change);
      if (!(await this.#ready(file))) return;
      const nowMs = clock.monotonic();
      file.goneSinceMs ??= nowMs;
      if (file.hasMore || nowMs - file.goneSinceMs < settledMs) return;
    }
    log.info('file.gone', { path: file.path, offset: file.position.offset });
    file.end();
    if (file.isFinished) await this.#drop(file);
  }

  #tellMoved({ path: from }: Followed, path: string): void {
    if (path !== from) this.#context.log.info('file.moved', { from, path });
  }

  /** A file that was renamed to what no pattern matches, as rotation does, in its directory. */
  async #sibling({ path, position }: Followed): Promise<FoundFile | undefined> {
    const { files } = this.#context;
    const [stem = ''] = basename(path).split('.');
    const pattern = join(dirname(path), `${stem.replaceAll(/[*?[\]{}!()]/g, '?')}*`);
    for (const [name, facts] of await factsOf(files, await files.match(pattern))) {
      if (facts?.kind !== 'file' || identityOf(facts) !== identityOf(position)) continue;
      return { path: name, facts };
    }
    return undefined;
  }

  /** `name`: what it was found by first, where that was another. */
  #add({ path, facts }: FoundFile, name = path): void {
    const { device, inode } = facts;
    const partition = this.#partitions.next(name);
    const none = { headBytes: 0, headSha256: emptySha256, offset: 0 };
    const file = new Followed(path, { path, device, inode, ...none, partition }, 0);
    file.sizeBytes = facts.sizeBytes;
    this.#files.push(file);
  }

  /** Whether it could be opened, as the file that it was. */
  async #ready(file: Followed): Promise<boolean> {
    if (file.isOpen) return true;
    await this.#makeRoom();
    const { path, position } = file;
    const opened = await this.#opened(file);
    if (opened === undefined) return false;
    const { handle, identity } = opened.file;
    if (identityOf(identity) !== identityOf(position)) {
      // It was renamed since it was looked for: the next look finds it.
      await handle.close();
      return false;
    }
    if (opened.change !== undefined) {
      await handle.close();
      await this.#replaced(file, opened.change);
      this.#nextLookMs = 0;
      return false;
    }
    const { partition = path } = position;
    const reader = await closedUnless(handle, () =>
      opened.format.follow!({ ...opened.file, partition }),
    );
    file.opened(handle, reader, identity);
    this.#open.add(file);
    return true;
  }

  /** Undefined where there is nothing to open by now. */
  async #opened({ path, position }: Followed): Promise<Opened | undefined> {
    const named = { path, name: nameOf(position) };
    try {
      return await openFile(this.#reading, named, position, this.#context, this.#refused);
    } catch (error) {
      if ((await this.#context.files.facts(path)) === undefined) return undefined;
      throw error;
    }
  }

  /** Closes a file that has nothing to read, where as many as may be are open. */
  async #makeRoom(): Promise<void> {
    for (const file of this.#open) {
      if (this.#open.size < openMax) return;
      if (file.hasMore || file.isGone) continue;
      this.#open.delete(file);
      await file.close();
    }
  }

  async #drop(file: Followed): Promise<void> {
    this.#files = this.#files.filter((other) => other !== file);
    this.#queue = this.#queue.filter((other) => other !== file);
    this.#partitions.leave(file.position);
    this.#open.delete(file);
    await file.close();
  }
}

/** What was replaced cannot be read again. */
function isKept({ isReplaced }: Followed): boolean {
  return !isReplaced;
}

/** Of a file of which nothing is known yet. */
const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
