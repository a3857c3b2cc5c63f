import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import * as z from 'zod';

import { Batch, type RecordOf, schema } from '../../src/batch/index.ts';
import { deadLetterFile } from '../../src/connectors/dead-letter-file.ts';
import {
  type DeadLetterFields,
  deadLetterSchema,
  excerptRecord,
  systemOutside,
} from '../../src/core/index.ts';
import { stateDirectory } from '../../src/core/state-directory.ts';
import { type VirtualOutside, virtualOutside } from '../../src/testing/outside.ts';
import { openSink, writeAll } from './planned.ts';

type Letter = RecordOf<DeadLetterFields>;

const letterOf = (position: number, record = `record ${position}`): Letter => ({
  time: Date.UTC(2026, 0, 1),
  pipeline: 'boiler-room',
  source: 'file',
  partition: 'in.ndjson',
  position,
  component: 'file',
  reason: 'field.type',
  message: 'field `n` takes float64, not text',
  ...excerptRecord(new TextEncoder().encode(record)),
  recordId: null,
});

const path = '/state/letters.ndjson';
const linesOf = (outside: VirtualOutside, of = path): Record<string, unknown>[] =>
  outside.files
    .text(of)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const positionsOf = (outside: VirtualOutside, of = path): unknown[] =>
  linesOf(outside, of).map((line) => line['position']);
// Every letter of these tests takes the same room.
const oneLetter = await (async () => {
  const outside = virtualOutside();
  await writeAll(deadLetterFile({ path }), deadLetterSchema, [letterOf(1)], { outside });
  return outside.files.bytes(path).length;
})();

describe('the dead-letter file', () => {
  it('keeps a line for each, as soon as it is written', async () => {
    const outside = virtualOutside();
    const sink = await openSink(deadLetterFile({ path }), deadLetterSchema, { outside });
    await sink.write([letterOf(23)]);
    expect(linesOf(outside)).toEqual([
      {
        time: '2026-01-01T00:00:00.000Z',
        pipeline: 'boiler-room',
        source: 'file',
        partition: 'in.ndjson',
        position: 23,
        component: 'file',
        reason: 'field.type',
        message: 'field `n` takes float64, not text',
        record: 'record 23',
        recordEncoding: 'utf8',
        recordBytes: 9,
        recordSha256: null,
        recordId: null,
      },
    ]);
    await sink.commit();
    await sink.close();
  });

  it('adds to what is there, behind its last whole line', async () => {
    const outside = virtualOutside();
    outside.files.put(path, '{"position":1}\n{"posi');
    await writeAll(deadLetterFile({ path }), deadLetterSchema, [letterOf(2)], { outside });
    expect(positionsOf(outside)).toEqual([1, 2]);
  });

  it('of two runs at a time keeps every letter, also where a write of one fails', async () => {
    const outside = virtualOutside();
    const [one, other] = await Promise.all(
      [1, 2].map(() => openSink(deadLetterFile({ path }), deadLetterSchema, { outside })),
    );
    for (let at = 0; at < 8; at += 2) {
      await one!.write([letterOf(at)]);
      await other!.write([letterOf(at + 1)]);
      outside.files.fail('append', path, 'ENOSPC', { bytesFirst: 20 });
      await expect(one!.write([letterOf(99)])).rejects.toThrow('disk is full');
    }
    await one!.close();
    await other!.close();
    expect(positionsOf(outside)).toEqual(Array.from({ length: 8 }, (_, at) => at));
  });

  it('waits at its limit, and goes on when the file was moved away', async () => {
    const outside = virtualOutside();
    const component = deadLetterFile({ path, bytesMax: 2 * oneLetter });
    const sink = await openSink(component, deadLetterSchema, { outside });
    await sink.write([letterOf(1)]);
    await sink.write([letterOf(2)]);
    for (let tries = 0; tries < 3; tries++) {
      expect(await sink.write([letterOf(3)])).toEqual({
        notNow: {
          retryAfterMs: 1000,
          message: `${path} is full: \`bytesMax\` is ${2 * oneLetter}; move it away or cut it once its records are dealt with`,
        },
      });
    }
    await outside.files.rename(path, '/state/old.ndjson');
    expect(await sink.write([letterOf(3)])).toBeUndefined();
    await sink.close();
    expect(positionsOf(outside, '/state/old.ndjson')).toEqual([1, 2]);
    expect(positionsOf(outside)).toEqual([3]);
    expect(outside.files.openCount).toBe(0);
  });

  it('takes of a batch what fits, and the rest when there is room', async () => {
    const outside = virtualOutside();
    const component = deadLetterFile({ path, bytesMax: 2 * oneLetter });
    const sink = await openSink(component, deadLetterSchema, { outside });
    const batch = Batch.from(
      [1, 2, 3, 4, 5].map((position) => letterOf(position)),
      deadLetterSchema,
    ) as unknown as Batch;
    const write = () => sink.connector.write(batch, new AbortController().signal);
    for (const [name, positions] of [
      ['/state/1', [1, 2]],
      ['/state/2', [3, 4]],
    ] as const) {
      expect(await write()).toHaveProperty('notNow');
      expect(await write()).toHaveProperty('notNow');
      expect(positionsOf(outside)).toEqual(positions);
      await outside.files.rename(path, name);
    }
    expect(await write()).toBeUndefined();
    expect(positionsOf(outside)).toEqual([5]);
    await sink.close();
  });

  it('keeps its limit when a batch is longer than that, whatever it drops', async () => {
    const outside = virtualOutside();
    const component = deadLetterFile({ path, bytesMax: 4 * oneLetter, whenFull: 'dropOldest' });
    const letters = [1, 2, 3, 4, 5, 6, 7].map((position) => letterOf(position));
    await writeAll(component, deadLetterSchema, letters, { outside });
    expect(positionsOf(outside, `${path}.1`)).toEqual([5, 6]);
    expect(positionsOf(outside)).toEqual([7]);
  });

  it.each([
    ['emptied', ''],
    ['shortened', '{"position":1}\n'],
    ['shortened in a line', '{"position":1}\n{"po'],
  ])('goes on when the file was %s', async (_what, left) => {
    const outside = virtualOutside();
    const component = deadLetterFile({ path, bytesMax: 2 * oneLetter });
    const sink = await openSink(component, deadLetterSchema, { outside });
    await sink.write([letterOf(1), letterOf(2)]);
    expect(await sink.write([letterOf(3)])).toHaveProperty('notNow');
    outside.files.rewrite(path, left);
    expect(await sink.write([letterOf(3)])).toBeUndefined();
    expect(positionsOf(outside)).toEqual(left === '' ? [3] : [1, 3]);
    await sink.close();
  });

  it('goes on in the file that has taken its place', async () => {
    const outside = virtualOutside();
    const sink = await openSink(deadLetterFile({ path }), deadLetterSchema, { outside });
    await sink.write([letterOf(1)]);
    await outside.files.rename(path, '/state/old.ndjson');
    outside.files.put(path, '{"position":0}\n'.repeat(100));
    await sink.write([letterOf(2)]);
    await sink.close();
    expect(positionsOf(outside, '/state/old.ndjson')).toEqual([1]);
    expect(positionsOf(outside).slice(-2)).toEqual([0, 2]);
  });

  it('counts every line that it drops with an older half of any size', async () => {
    const outside = virtualOutside();
    outside.files.put(`${path}.1`, 'x\n'.repeat(140_000));
    outside.files.put(path, 'x\n'.repeat(1000));
    const component = deadLetterFile({ path, bytesMax: 2000, whenFull: 'dropOldest' });
    const sink = await openSink(component, deadLetterSchema, { outside });
    await sink.write([letterOf(1)]);
    await sink.close();
    expect(sink.tally.counts.get('deadLetters.dropped')).toBe(140_000);
  });

  it('is made again when it was removed', async () => {
    const outside = virtualOutside();
    const sink = await openSink(deadLetterFile({ path }), deadLetterSchema, { outside });
    await sink.write([letterOf(1)]);
    await outside.files.remove(path);
    await sink.write([letterOf(2)]);
    expect(positionsOf(outside)).toEqual([2]);
    await sink.close();
  });

  it('fails at its limit where it is told to', async () => {
    const outside = virtualOutside();
    const component = deadLetterFile({ path, bytesMax: oneLetter, whenFull: 'fail' });
    const sink = await openSink(component, deadLetterSchema, { outside });
    await sink.write([letterOf(1)]);
    await expect(sink.write([letterOf(2)])).rejects.toMatchObject({
      code: 'ERR_DEAD_LETTERS_FULL',
      place: path,
      retryable: false,
    });
    expect(positionsOf(outside)).toEqual([1]);
    await sink.close();
  });

  it('drops the oldest where it is told to, counts them, and keeps to its limit', async () => {
    const outside = virtualOutside();
    const bytesMax = 10 * oneLetter;
    const component = deadLetterFile({ path, bytesMax, whenFull: 'dropOldest' });
    const sink = await openSink(component, deadLetterSchema, { outside });
    const total = 10 + 33;
    for (let position = 10; position < total; position++) {
      await sink.write([letterOf(position)]);
      const older = outside.files.has(`${path}.1`) ? outside.files.bytes(`${path}.1`).length : 0;
      expect(outside.files.bytes(path).length + older).toBeLessThanOrEqual(bytesMax + 20);
    }
    await sink.commit();
    await sink.close();
    const kept = [...positionsOf(outside, `${path}.1`), ...positionsOf(outside)];
    const dropped = total - 10 - kept.length;
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 10 + dropped + index));
    expect(dropped).toBeGreaterThan(20);
    expect(sink.tally.counts.get('deadLetters.dropped')).toBe(dropped);
    expect(outside.files.openCount).toBe(0);
  });

  it('always takes one letter, however small its limit', async () => {
    for (const whenFull of ['pause', 'fail', 'dropOldest'] as const) {
      const outside = virtualOutside();
      const component = deadLetterFile({ path, bytesMax: 1, whenFull });
      const sink = await openSink(component, deadLetterSchema, { outside });
      expect(await sink.write([letterOf(1)])).toBeUndefined();
      expect(positionsOf(outside)).toEqual([1]);
      await sink.close();
    }
  });

  it('keeps no part of a batch that a full disk refused, and takes it when there is room', async () => {
    const outside = virtualOutside();
    const sink = await openSink(deadLetterFile({ path }), deadLetterSchema, { outside });
    await sink.write([letterOf(1)]);
    outside.files.diskBytesMax = Math.floor(2.5 * oneLetter);
    await expect(sink.write([letterOf(2), letterOf(3)])).rejects.toMatchObject({
      code: 'ERR_CONNECTOR_FILE',
      place: path,
      retryable: true,
    });
    expect(positionsOf(outside)).toEqual([1]);
    outside.files.diskBytesMax = Infinity;
    await sink.write([letterOf(2), letterOf(3)]);
    expect(positionsOf(outside)).toEqual([1, 2, 3]);
    await sink.close();
  });

  it('is durable at a commit', async () => {
    const outside = virtualOutside();
    const sink = await openSink(deadLetterFile({ path }), deadLetterSchema, { outside });
    await sink.write([letterOf(1)]);
    await sink.commit();
    await sink.write([letterOf(2)]);
    outside.files.cutPower();
    expect(positionsOf(outside)).toEqual([1]);
  });

  it('stands in the state directory of its pipeline, for the owner only, unless given', async () => {
    const home = await mkdtemp(join(tmpdir(), 'millrace-state-'));
    const before = process.env['XDG_STATE_HOME'];
    process.env['XDG_STATE_HOME'] = home;
    onTestFinished(async () => {
      if (before === undefined) delete process.env['XDG_STATE_HOME'];
      else process.env['XDG_STATE_HOME'] = before;
      await rm(home, { recursive: true });
    });
    const outside = systemOutside();
    await writeAll(deadLetterFile(), deadLetterSchema, [letterOf(1)], { outside });
    const directory = join(home, 'millrace/boiler-room');
    const file = join(directory, 'dead-letters.ndjson');
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(2);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('stays out of a state directory that everybody may write to', async () => {
    const home = await mkdtemp(join(tmpdir(), 'millrace-state-'));
    vi.stubEnv('XDG_STATE_HOME', home);
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await rm(home, { recursive: true });
    });
    const directory = join(home, 'millrace/boiler-room');
    await mkdir(directory, { recursive: true });
    await chmod(directory, 0o777);
    const outside = systemOutside();
    await expect(
      writeAll(deadLetterFile(), deadLetterSchema, [letterOf(1)], { outside }),
    ).rejects.toMatchObject({ code: 'ERR_CONNECTOR_FILE', place: directory });
    expect(await readdir(directory)).toEqual([]);
    // What somebody names is that one's own affair.
    const named = deadLetterFile({ path: join(directory, 'named.ndjson') });
    await writeAll(named, deadLetterSchema, [letterOf(1)], { outside });
    expect(await readdir(directory)).toEqual(['named.ndjson']);
  });

  it('makes no file while there is no dead letter', async () => {
    const outside = virtualOutside();
    await writeAll(deadLetterFile(), deadLetterSchema, [], { outside });
    expect(await outside.files.match('/**/*.ndjson')).toEqual([]);
  });

  it('takes dead letters only', async () => {
    const component = deadLetterFile({ path }) as never;
    await expect(openSink(component, schema({ n: 'float64' }))).rejects.toMatchObject({
      code: 'ERR_BATCH_SCHEMA',
      fact: 'takes dead letters only',
    });
  });

  it('refuses options that make no sense', () => {
    const parsed = deadLetterFile.spec.options(z).safeParse({ bytesMax: 0, whenFull: 'spill' });
    expect(parsed.error?.issues.map((issue) => issue.path[0])).toEqual(['bytesMax', 'whenFull']);
  });
});

describe('the excerpt of a record', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

  it('is the whole record up to 64 KiB', () => {
    const record = 'x'.repeat(65_536);
    expect(excerptRecord(bytes(record))).toEqual({
      record,
      recordEncoding: 'utf8',
      recordBytes: 65_536,
      recordSha256: null,
    });
  });

  it('is the first 64 KiB, the length and the SHA-256 of a longer one', () => {
    const record = bytes('é'.repeat(40_000));
    const excerpt = excerptRecord(record);
    expect(excerpt).toMatchObject({ record: 'é'.repeat(32_768), recordBytes: 80_000 });
    expect(excerpt.recordSha256).toBe(createHash('sha256').update(record).digest('hex'));
  });

  it('cuts no character', () => {
    expect(excerptRecord(bytes(`x${'é'.repeat(40_000)}`)).record).toBe(`x${'é'.repeat(32_767)}`);
  });

  it('takes length and hash from who had the whole', () => {
    const whole = { recordBytes: 1_000_000, recordSha256: 'abc' };
    expect(excerptRecord(bytes('begin'), whole)).toEqual({
      record: 'begin',
      recordEncoding: 'utf8',
      ...whole,
    });
    expect(excerptRecord(bytes('begin'), { recordBytes: 6 }).recordSha256).toBeNull();
  });

  it('is base64 where it is not UTF-8, so that no byte is lost', () => {
    const record = Uint8Array.of(0x7b, 0xff, 0x00);
    expect(excerptRecord(record)).toMatchObject({ record: 'e/8A', recordEncoding: 'base64' });
    expect(excerptRecord(Uint8Array.of(0x61, 0xc3)).recordEncoding).toBe('base64');
  });

  it('keeps a byte order mark', () => {
    expect(excerptRecord(bytes('\ufeff{')).record).toBe('\ufeff{');
  });
});

describe('the state directory', () => {
  it.each([
    [{ XDG_STATE_HOME: '/state', HOME: '/home/a' }, 'linux', '/state/millrace/job'],
    [{ HOME: '/home/a' }, 'linux', '/home/a/.local/state/millrace/job'],
    [{ HOME: '/home/a', XDG_STATE_HOME: 'relative' }, 'linux', '/home/a/.local/state/millrace/job'],
    [{ HOME: '/home/a', XDG_STATE_HOME: '' }, 'linux', '/home/a/.local/state/millrace/job'],
    [{ HOME: '/Users/a' }, 'darwin', '/Users/a/Library/Application Support/millrace/job'],
    [{ LOCALAPPDATA: 'C:\\L' }, 'win32', 'C:\\L\\millrace\\State\\job'],
    [{ USERPROFILE: 'C:\\U' }, 'win32', 'C:\\U\\AppData\\Local\\millrace\\State\\job'],
  ] as const)('of %j on %s is %s', (env, platform, directory) => {
    expect(stateDirectory(env, 'job', platform)).toBe(directory);
  });

  it.each([{ HOME: '', XDG_STATE_HOME: '' }, { HOME: 'a' }, {}])(
    'of %j is in the home of the user, never where the run was started',
    (env) => {
      const home = join(userInfo().homedir, '.local/state/millrace/job');
      expect(stateDirectory(env, 'job', 'linux')).toBe(home);
    },
  );

  it.each(['', '.', '..', '../x', 'a/b', '.hidden', 'a\\b', 'a\0', 'x'.repeat(65)])(
    'of a pipeline named %j is refused',
    (name) => {
      expect(() => stateDirectory({ HOME: '/h' }, name)).toThrow(
        expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }) as Error,
      );
    },
  );
});
