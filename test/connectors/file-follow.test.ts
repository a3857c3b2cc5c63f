import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGzip, constants } from 'node:zlib';

import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

import { Batch, schema } from '../../src/batch/index.ts';
import { fileSource, type FileSourceOptions } from '../../src/connectors/file.ts';
import { type Outside, type Position, systemOutside } from '../../src/core/index.ts';
import { type VirtualOutside, virtualOutside } from '../../src/testing/outside.ts';
import { openSource, type PlannedSource } from './planned.ts';

const reading = schema({ n: 'float64' });
const lineOf = (n: number): string => `{"n":${n}}\n`;
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);
const linesOf = (from: number, to: number): string => range(from, to).map(lineOf).join('');

/** A source that follows, and what it gave. */
class Follower {
  readonly outside: Outside;
  readonly ids: string[] = [];
  readonly source: PlannedSource;

  private constructor(outside: Outside, source: PlannedSource) {
    this.outside = outside;
    this.source = source;
  }

  static async open(
    outside: Outside,
    options: Partial<FileSourceOptions<typeof reading.shape>> & {
      readonly path: string | string[];
    },
    from?: Position,
  ): Promise<Follower> {
    const component = fileSource({ schema: reading, follow: true, pollMs: 50, ...options });
    return new Follower(outside, await openSource(component, { outside, from }));
  }

  get events(): string[] {
    return this.source.logged.map(({ event }) => event);
  }

  get position(): Position {
    return JSON.parse(JSON.stringify(this.source.connector.position())) as Position;
  }

  get lag(): number {
    return this.source.connector.lag!()!.value;
  }

  /** What comes until there is so much and then nothing for so long; there is a deadline. */
  async until(count: number, quietMs = 200): Promise<number[]> {
    const { clock } = this.outside;
    const deadlineMs = clock.monotonic() + 20_000;
    const given: number[] = [];
    while (await this.#readWithin(given, quietMs, count)) {
      if (clock.monotonic() > deadlineMs) break;
    }
    return given;
  }

  /** Reads once; false where nothing came for so long though there was enough before. */
  async #readWithin(given: number[], quietMs: number, count: number): Promise<boolean> {
    const { clock } = this.outside;
    const waiting = new AbortController();
    const quiet = clock.sleep(quietMs, { signal: waiting.signal }).then(
      () => waiting.abort(new Error('quiet')),
      () => {},
    );
    try {
      const batch = await this.source.connector.read(waiting.signal);
      if (!(batch instanceof Batch)) throw new Error('a source that follows has no end');
      for (const [at, row] of batch.toRows().entries()) {
        given.push(row['n'] as number);
        this.ids.push(batch.origin.recordId(batch.rows[at]!));
      }
      batch.release();
      return true;
    } catch (error) {
      if ((error as Error).message !== 'quiet') throw error;
      return given.length < count;
    } finally {
      waiting.abort();
      await quiet;
    }
  }

  async close(): Promise<void> {
    await this.source.connector.close();
  }
}

/** Changes files as their writer would. */
interface Writer {
  append(path: string, text: string): void;
  truncate(path: string): void;
  rename(from: string, to: string): Promise<void> | void;
  remove(path: string): Promise<void> | void;
}

function virtualWriter({ files }: VirtualOutside): Writer {
  return {
    append: (path, text) => files.rewrite(path, (files.has(path) ? files.text(path) : '') + text),
    truncate: (path) => files.rewrite(path, ''),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.remove(path),
  };
}

function realWriter(directory: string): Writer {
  const at = (path: string): string => join(directory, path);
  return {
    append: (path, text) => appendFileSync(at(path), text),
    truncate: (path) => truncateSync(at(path)),
    rename: (from, to) => renameSync(at(from), at(to)),
    remove: (path) => rmSync(at(path)),
  };
}

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function realDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-follow-'));
  directories.push(directory);
  return directory;
}

const places: [string, () => { outside: Outside; writer: Writer }][] = [
  [
    'virtual files',
    () => {
      const outside = virtualOutside();
      return { outside, writer: virtualWriter(outside) };
    },
  ],
  [
    'real files',
    () => {
      const directory = realDirectory();
      return { outside: systemOutside(directory), writer: realWriter(directory) };
    },
  ],
];

describe.each(places)('the file source follows %s', (_where, prepare) => {
  it('as they grow', async () => {
    const { outside, writer } = prepare();
    writer.append('a.ndjson', linesOf(0, 3));
    const follower = await Follower.open(outside, { path: 'a.ndjson' });
    expect(await follower.until(3)).toEqual([0, 1, 2]);
    for (const n of [3, 4, 5]) {
      writer.append('a.ndjson', lineOf(n));
      expect(await follower.until(1)).toEqual([n]);
    }
    expect(follower.lag).toBe(0);
    await follower.close();
  });

  it('and waits for the end of a line', async () => {
    const { outside, writer } = prepare();
    writer.append('a.ndjson', `${lineOf(0)}{"n"`);
    const follower = await Follower.open(outside, { path: 'a.ndjson' });
    expect(await follower.until(1)).toEqual([0]);
    const { position } = follower;
    writer.append('a.ndjson', ':1}');
    expect(await follower.until(0)).toEqual([]);
    writer.append('a.ndjson', '\n');
    expect(await follower.until(1)).toEqual([1]);
    await follower.close();
    const again = await Follower.open(outside, { path: 'a.ndjson' }, position);
    expect(await again.until(1)).toEqual([1]);
    await again.close();
  });

  it('through rotation: the old to its end, what is written late too, and the new', async () => {
    const { outside, writer } = prepare();
    writer.append('a.ndjson', linesOf(0, 3));
    const follower = await Follower.open(outside, { path: 'a.ndjson' });
    expect(await follower.until(3)).toEqual([0, 1, 2]);
    writer.append('a.ndjson', lineOf(3));
    await writer.rename('a.ndjson', 'a.ndjson.1');
    writer.append('a.ndjson', lineOf(5));
    expect(await follower.until(2)).toEqual([3, 5]);
    writer.append('a.ndjson.1', lineOf(4));
    writer.append('a.ndjson', lineOf(6));
    expect(await follower.until(2)).toEqual([4, 6]);
    expect(new Set(follower.ids).size).toBe(7);
    await follower.close();
  });

  it('through truncation, and says so', async () => {
    const { outside, writer } = prepare();
    writer.append('a.ndjson', linesOf(0, 5));
    const follower = await Follower.open(outside, { path: 'a.ndjson' });
    expect(await follower.until(5)).toEqual([0, 1, 2, 3, 4]);
    writer.truncate('a.ndjson');
    writer.append('a.ndjson', linesOf(5, 7));
    expect(await follower.until(2)).toEqual([5, 6]);
    expect(follower.events).toEqual(['file.replaced']);
    expect(new Set(follower.ids).size).toBe(7);
    await follower.close();
  });

  it('through a truncation behind which it grows beyond where it was', async () => {
    const { outside, writer } = prepare();
    writer.append('a.ndjson', linesOf(0, 2));
    const follower = await Follower.open(outside, { path: 'a.ndjson' });
    expect(await follower.until(2)).toEqual([0, 1]);
    writer.truncate('a.ndjson');
    writer.append('a.ndjson', linesOf(5, 25));
    expect(await follower.until(20)).toEqual(range(5, 25));
    expect(follower.events).toEqual(['file.replaced']);
    await follower.close();
  });

  it('through copy and truncation', async () => {
    const { outside, writer } = prepare();
    writer.append('a.ndjson', linesOf(0, 3));
    const follower = await Follower.open(outside, { path: 'a.ndjson' });
    expect(await follower.until(3)).toEqual([0, 1, 2]);
    writer.append('a.ndjson.1', linesOf(0, 3));
    writer.truncate('a.ndjson');
    expect(await follower.until(0)).toEqual([]);
    writer.append('a.ndjson', lineOf(3));
    expect(await follower.until(1)).toEqual([3]);
    await follower.close();
  });

  it('through deletion, to the last line, and a new file of that name', async () => {
    const { outside, writer } = prepare();
    writer.append('a.ndjson', linesOf(0, 2));
    const follower = await Follower.open(outside, { path: 'a.ndjson' });
    expect(await follower.until(2)).toEqual([0, 1]);
    writer.append('a.ndjson', linesOf(2, 4));
    await writer.remove('a.ndjson');
    expect(await follower.until(2)).toEqual([2, 3]);
    writer.append('a.ndjson', linesOf(0, 2));
    expect(await follower.until(2)).toEqual([0, 1]);
    expect(new Set(follower.ids).size).toBe(6);
    await follower.close();
  });

  it('that come while it runs, by pattern and by name', async () => {
    const { outside, writer } = prepare();
    const follower = await Follower.open(outside, { path: ['log-*.ndjson', 'late.ndjson'] });
    expect(await follower.until(0)).toEqual([]);
    writer.append('log-1.ndjson', linesOf(0, 2));
    expect(await follower.until(2)).toEqual([0, 1]);
    writer.append('late.ndjson', lineOf(2));
    writer.append('log-2.ndjson', lineOf(3));
    writer.append('log-1.ndjson', lineOf(4));
    expect((await follower.until(3)).sort()).toEqual([2, 3, 4]);
    await follower.close();
  });

  it('under a new name that the pattern matches, and reads nothing twice', async () => {
    const { outside, writer } = prepare();
    writer.append('a.ndjson', linesOf(0, 2));
    const options = { path: 'a.ndjson*', format: 'ndjson' } as const;
    const follower = await Follower.open(outside, options);
    expect(await follower.until(2)).toEqual([0, 1]);
    await writer.rename('a.ndjson', 'a.ndjson.1');
    writer.append('a.ndjson', lineOf(2));
    expect(await follower.until(1)).toEqual([2]);
    await writer.rename('a.ndjson.1', 'a.ndjson.2');
    await writer.rename('a.ndjson', 'a.ndjson.1');
    writer.append('a.ndjson.2', lineOf(3));
    expect(await follower.until(1)).toEqual([3]);
    await follower.close();
  });

  it('that were rotated, cut or deleted between two runs', async () => {
    const { outside, writer } = prepare();
    for (const name of ['a', 'b', 'c', 'd']) writer.append(`${name}.ndjson`, linesOf(0, 3));
    const options = { path: '?.ndjson' };
    const first = await Follower.open(outside, options);
    expect(await first.until(12)).toHaveLength(12);
    const { position } = first;
    await first.close();
    writer.append('a.ndjson', lineOf(10));
    await writer.rename('a.ndjson', 'a-20260101.ndjson');
    writer.append('a.ndjson', lineOf(11));
    writer.truncate('b.ndjson');
    writer.append('b.ndjson', lineOf(12));
    await writer.remove('c.ndjson');
    writer.append('d.ndjson', lineOf(13));
    const second = await Follower.open(outside, options, position);
    expect((await second.until(4)).sort()).toEqual([10, 11, 12, 13]);
    expect(new Set([...first.ids, ...second.ids]).size).toBe(16);
    const later = second.position;
    await second.close();
    const third = await Follower.open(outside, options, later);
    expect(await third.until(0)).toEqual([]);
    await third.close();
  });
});

describe('the file source that follows', () => {
  it('gives the last line of a file that is gone, or replaced, also without its end', async () => {
    const outside = virtualOutside();
    const writer = virtualWriter(outside);
    writer.append('a.ndjson', `${lineOf(0)}{"n":1}`);
    writer.append('b.ndjson', `${lineOf(2)}{"n":3}`);
    const follower = await Follower.open(outside, { path: '*.ndjson' });
    expect(await follower.until(2)).toEqual([0, 2]);
    await writer.remove('a.ndjson');
    expect(await follower.until(0, 4000)).toEqual([]);
    expect(await follower.until(1, 4000)).toEqual([1]);
    writer.truncate('b.ndjson');
    expect(await follower.until(1)).toEqual([3]);
    expect(follower.events).toEqual(['file.gone', 'file.replaced']);
    await follower.close();
    expect(outside.files.openCount).toBe(0);
  });

  it('makes a dead letter of a torn line that is all there is of it', async () => {
    const outside = virtualOutside();
    const writer = virtualWriter(outside);
    writer.append('a.ndjson', `${lineOf(0)}{"n":`);
    const follower = await Follower.open(outside, { path: 'a.ndjson' });
    await follower.until(0);
    writer.truncate('a.ndjson');
    await follower.until(0);
    expect(follower.source.tally.failures).toMatchObject([
      { reason: 'json.syntax', position: 8, partition: 'a.ndjson' },
    ]);
    await follower.close();
  });

  it('takes a file whose inode was used before, with the same first lines, for another', async () => {
    for (const lines of [2, 40]) {
      const outside = virtualOutside();
      const writer = virtualWriter(outside);
      writer.append('a.ndjson', linesOf(0, 50));
      const first = await Follower.open(outside, { path: 'a.ndjson' });
      await first.until(50);
      const { position } = first;
      await first.close();
      // The same inode, the same beginning, and less than was read.
      writer.truncate('a.ndjson');
      writer.append('a.ndjson', linesOf(0, lines));
      const second = await Follower.open(outside, { path: 'a.ndjson' }, position);
      expect(await second.until(lines)).toEqual(range(0, lines));
      await second.close();
    }
  });

  it('knows a file by more of it as it grows', async () => {
    const outside = virtualOutside();
    const writer = virtualWriter(outside);
    writer.append('a.ndjson', lineOf(0));
    const follower = await Follower.open(outside, { path: 'a.ndjson' });
    await follower.until(1);
    writer.append('a.ndjson', linesOf(1, 500));
    await follower.until(499);
    expect(follower.position).toMatchObject({ files: [{ headBytes: 1024 }] });
    writer.truncate('a.ndjson');
    // The first line is the same, and the file is longer than what was read.
    writer.append('a.ndjson', lineOf(0) + linesOf(600, 1300));
    expect(await follower.until(701)).toEqual([0, ...range(600, 1300)]);
    await follower.close();
  });

  it('follows a CSV behind its header, and a compressed file that is flushed', async () => {
    const outside = virtualOutside();
    const writer = virtualWriter(outside);
    writer.append('a.csv', 'n\n1');
    const gzip = createGzip();
    let bytes = Buffer.alloc(0);
    gzip.on('data', (part: Buffer) => (bytes = Buffer.concat([bytes, part])));
    const flush = async (text: string): Promise<void> => {
      gzip.write(text);
      await new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, resolve));
      outside.files.rewrite('b.ndjson.gz', bytes);
    };
    await flush(linesOf(10, 12));
    const follower = await Follower.open(outside, { path: ['a.csv', 'b.ndjson.gz'] });
    expect(await follower.until(2)).toEqual([10, 11]);
    writer.append('a.csv', '\n2\n');
    expect(await follower.until(2)).toEqual([1, 2]);
    await flush(linesOf(12, 14));
    expect(await follower.until(2)).toEqual([12, 13]);
    const { position } = follower;
    await follower.close();
    writer.append('a.csv', '3\n');
    await flush(lineOf(14));
    const again = await Follower.open(outside, { path: ['a.csv', 'b.ndjson.gz'] }, position);
    expect(await again.until(2)).toEqual([3, 14]);
    await again.close();
  });

  it('keeps no file waiting for one that is long, and mixes nothing up', async () => {
    const outside = virtualOutside();
    const writer = virtualWriter(outside);
    const count = 300_000;
    writer.append('a.ndjson', linesOf(0, count));
    writer.append('b.ndjson', linesOf(count, 2 * count));
    const follower = await Follower.open(outside, { path: '*.ndjson' });
    const { connector, tally } = follower.source;
    const given: number[] = [];
    while (follower.lag > 0) {
      const batch = (await connector.read(new AbortController().signal)) as Batch;
      for (const { n } of batch.toRows()) given.push(n as number);
      batch.release();
      // So the next read looks for what became of the files before it.
      await outside.clock.sleep(60);
    }
    for (const n of await follower.until(0)) given.push(n);
    expect(tally.failedRecords).toBe(0);
    const lastOfFirst = given.findLastIndex((n) => n < count);
    expect(given.findIndex((n) => n >= count)).toBeLessThan(lastOfFirst);
    expect(given.filter((n) => n < count)).toEqual(range(0, count));
    expect(given.filter((n) => n >= count)).toEqual(range(count, 2 * count));
    await follower.close();
  });

  it('says which files there is something of, so that event time waits for each', async () => {
    const outside = virtualOutside();
    const writer = virtualWriter(outside);
    writer.append('a.ndjson', linesOf(0, 3));
    writer.append('b.ndjson', linesOf(3, 6));
    writer.append('c.ndjson', '');
    const follower = await Follower.open(outside, { path: '*.ndjson' });
    const { connector } = follower.source;
    expect(connector.partitions!()).toEqual(['a.ndjson', 'b.ndjson']);
    expect(await follower.until(6)).toEqual(range(0, 6));
    expect(connector.partitions!()).toEqual(['a.ndjson', 'b.ndjson']);
    writer.append('c.ndjson', lineOf(6));
    writer.truncate('b.ndjson');
    writer.append('b.ndjson', lineOf(7));
    await follower.until(2);
    expect(connector.partitions!()).toEqual(['a.ndjson', 'c.ndjson', 'b.ndjson#1']);
    await follower.close();
    const atEnd = await Follower.open(outside, { path: '*.ndjson', start: 'end' });
    expect(atEnd.source.connector.partitions!()).toEqual([]);
    writer.append('c.ndjson', lineOf(8));
    expect(await atEnd.until(1)).toEqual([8]);
    expect(atEnd.source.connector.partitions!()).toEqual(['c.ndjson']);
    await atEnd.close();
  });

  it('reads thousands of files, and holds few of them open', async () => {
    const outside = virtualOutside();
    const writer = virtualWriter(outside);
    for (const n of range(0, 1000)) writer.append(`${n}.ndjson`, lineOf(n));
    const follower = await Follower.open(outside, { path: '*.ndjson' });
    expect((await follower.until(1000)).sort((a, b) => a - b)).toEqual(range(0, 1000));
    expect(outside.files.openCount).toBeLessThanOrEqual(64);
    for (const n of [0, 500, 999]) writer.append(`${n}.ndjson`, lineOf(n + 1000));
    expect((await follower.until(3)).sort((a, b) => a - b)).toEqual([1000, 1500, 1999]);
    // Renamed and replaced while it is not open.
    writer.append('3.ndjson', lineOf(2000));
    await writer.rename('3.ndjson', '3.old');
    writer.append('3.ndjson', lineOf(2001));
    expect((await follower.until(2)).sort((a, b) => a - b)).toEqual([2000, 2001]);
    expect(outside.files.openCount).toBeLessThanOrEqual(65);
    await follower.close();
    expect(outside.files.openCount).toBe(0);
  });

  it('tells how many bytes it is behind', async () => {
    const outside = virtualOutside();
    const writer = virtualWriter(outside);
    writer.append('a.ndjson', linesOf(0, 3));
    const follower = await Follower.open(outside, { path: '*.ndjson' });
    expect(follower.lag).toBe(linesOf(0, 3).length);
    await follower.until(0);
    expect(follower.lag).toBe(0);
    expect(fileSource.spec.isPaced!({ follow: true } as never)).toBe(true);
    expect(fileSource.spec.isPaced!({ follow: false } as never)).toBe(false);
    await follower.close();
  });

  it('looks no oftener than it is told', async () => {
    const outside = virtualOutside();
    let looks = 0;
    const match = outside.files.match.bind(outside.files);
    outside.files.match = (pattern) => {
      looks++;
      return match(pattern);
    };
    const follower = await Follower.open(outside, { path: '*.ndjson', pollMs: 1000 });
    looks = 0;
    await follower.until(0, 60_000);
    expect(looks).toBeGreaterThanOrEqual(59);
    expect(looks).toBeLessThanOrEqual(61);
    await follower.close();
  });

  it.each([
    ['a directory', 'dir', /is a directory$/],
    ['a format that it cannot tell', 'a.txt', /does not tell its format$/],
  ])('refuses %s', async (_what, path, fact) => {
    const outside = virtualOutside();
    outside.files.put('dir/x', '');
    outside.files.put('a.txt', '');
    await expect(Follower.open(outside, { path })).rejects.toMatchObject({
      fact: expect.stringMatching(fact) as string,
    });
  });

  it('needs a schema where there is no record yet', async () => {
    const component = fileSource({ path: 'none.ndjson', follow: true });
    await expect(openSource(component)).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      place: 'none.ndjson',
      remedy: 'give `schema`',
    });
  });
});

type Step =
  | { readonly kind: 'append'; readonly lines: number; readonly isTorn: boolean }
  | { readonly kind: 'rotate' | 'truncate' | 'remove' | 'restart' | 'read' };

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        lines: fc.integer({ min: 0, max: 5 }),
        isTorn: fc.boolean(),
      }),
    },
    { weight: 4, arbitrary: fc.constant({ kind: 'read' as const }) },
    {
      weight: 3,
      arbitrary: fc
        .constantFrom('rotate', 'truncate', 'remove', 'restart')
        .map((kind) => ({ kind }) as Step),
    },
  ),
  { maxLength: 40 },
);

/**
 * Whatever a writer does, each line that it ended comes exactly once. Before it truncates or deletes,
 * the source has read, and before it renames, it has seen that there is such a file.
 */
async function keepsModel(
  outside: Outside,
  writer: Writer,
  path: string,
  sequence: readonly Step[],
  quietMs: number,
): Promise<void> {
  let next = 0;
  let rotated = 0;
  let torn = '';
  let [exists, isSeen] = [false, false];
  const given: number[] = [];
  const options = { path: `${path}.ndjson` };
  let follower = await Follower.open(outside, options);
  const read = async (): Promise<void> => {
    const ended = torn === '' ? next : next - 1;
    given.push(...(await follower.until(ended - given.length, quietMs)));
    isSeen = exists;
  };
  const endLine = (): void => {
    if (torn === '') return;
    writer.append(options.path, torn);
    torn = '';
  };
  for (const step of sequence) {
    if (step.kind === 'read') await read();
    else if (step.kind === 'append') {
      endLine();
      for (let line = 0; line < step.lines; line++) writer.append(options.path, lineOf(next++));
      exists ||= step.lines > 0 || step.isTorn;
      if (!step.isTorn) continue;
      const text = lineOf(next++);
      writer.append(options.path, text.slice(0, 3));
      torn = text.slice(3);
    } else if (step.kind === 'restart') {
      const { position } = follower;
      await follower.close();
      follower = await Follower.open(outside, options, position);
      isSeen = exists;
    } else if (exists) {
      endLine();
      if (step.kind === 'rotate') {
        if (!isSeen) await read();
        await writer.rename(options.path, `${path}.${rotated++}.old`);
        exists = isSeen = false;
      } else {
        await read();
        if (step.kind === 'truncate') writer.truncate(options.path);
        else {
          await writer.remove(options.path);
          exists = isSeen = false;
        }
      }
    }
  }
  endLine();
  await read();
  await follower.close();
  expect(given.toSorted((a, b) => a - b)).toEqual(range(0, next));
}

it('finds a file that was renamed between a look and its opening', async () => {
  const outside = virtualOutside();
  const writer = virtualWriter(outside);
  writer.append('a.ndjson', lineOf(0));
  const follower = await Follower.open(outside, { path: 'a.ndjson' });
  await writer.rename('a.ndjson', 'a.old');
  writer.append('a.ndjson', lineOf(1));
  expect((await follower.until(2)).sort()).toEqual([0, 1]);
  await follower.close();
});

describe('whatever a writer does to a file, each line comes exactly once', () => {
  const isNightly = process.env['MILLRACE_NIGHTLY'] !== undefined;

  it('in virtual files', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const outside = virtualOutside();
        await keepsModel(outside, virtualWriter(outside), 'a', sequence, 200);
        expect(outside.files.openCount).toBe(0);
      }),
      { numRuns: isNightly ? 20_000 : 150 },
    );
  });

  it('in real files', { timeout: 600_000 }, async () => {
    let runs = 0;
    const directory = realDirectory();
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const path = `f${runs++}`;
        const outside = systemOutside(directory);
        await keepsModel(outside, realWriter(directory), path, sequence.slice(0, 12), 120);
      }),
      { numRuns: isNightly ? 300 : 4 },
    );
  });
});

it('follows real files whose inodes the system uses again', async () => {
  const directory = realDirectory();
  const outside = systemOutside(directory);
  const path = join(directory, 'a.ndjson');
  const inodes = new Set<number>();
  let position: Position | undefined;
  for (let round = 0; round < 10; round++) {
    writeFileSync(path, linesOf(0, 10 - round));
    inodes.add(statSync(path).ino);
    const follower = await Follower.open(outside, { path: 'a.ndjson' }, position);
    expect(await follower.until(10 - round)).toEqual(range(0, 10 - round));
    ({ position } = follower);
    await follower.close();
    rmSync(path);
  }
  // Where the system uses none again, this shows nothing.
  expect(inodes.size).toBeLessThanOrEqual(10);
});
