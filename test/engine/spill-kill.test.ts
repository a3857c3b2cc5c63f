import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { expect, onTestFinished, test, vi } from 'vitest';

import { Batch, type Schema } from '../../src/batch/index.ts';
import { seededRandom, systemFiles } from '../../src/core/index.ts';
import { systemOutside } from '../../src/core/outside.ts';
import { TypedPipelineBuilder } from '../../src/engine/index.ts';
import { SpillSegments } from '../../src/engine/overflow/spill-segments.ts';
import type { RunReport } from '../../src/observe/index.ts';
import { temporaryDirectory } from '../cli/millrace.ts';
import { expectClosedLedger, numbered, readings, scriptedSink, scriptedSource } from './ends.ts';
import { ofSide, upTo } from './spilling.ts';
import { queueRows, rowsPerBatch } from './spilling-process.ts';

const kills = process.env['MILLRACE_NIGHTLY'] ? 200 : 6;
const rowsOfRun = 1_000_000;

/** Starts a run; kills it when it has taken so many batches, where that is given. */
async function run(directory: string, at: number, batches: number, killAt = Infinity) {
  const words = [join(import.meta.dirname, 'spilling-process.ts'), directory];
  const child = spawn(process.execPath, [...words, String(at * rowsOfRun), String(batches)], {
    env: { PATH: process.env['PATH'], XDG_STATE_HOME: join(directory, 'state') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let taken = 0;
  child.stdout.on('data', (dots: Buffer) => {
    taken += dots.length;
    if (taken >= killAt) child.kill('SIGKILL');
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];

/** What the sink took, run by run: the first value of each batch, with the commits behind it. */
function takenBy(lines: readonly string[]) {
  const runs: { first: number; commitsBehind: number }[][] = [];
  for (const line of lines) {
    const last = runs.at(-1);
    if (line === 'run') runs.push([]);
    else if (line !== 'commit') last!.push({ first: Number(line), commitsBehind: 0 });
    else for (const one of last!) one.commitsBehind++;
  }
  return runs;
}

test(
  `${kills} times killed, a sink that spills gets every row but what was in memory, in order`,
  { timeout: kills * 10_000 },
  async () => {
    const directory = temporaryDirectory();
    const random = seededRandom(`kill ${kills}`);
    for (let at = 0; at < kills; at++) {
      expect(await run(directory, at, Infinity, 1 + Math.floor(random.next() * 1200))).toBeNull();
    }
    expect(await run(directory, kills, 50)).toBe(0);

    const runs = takenBy(linesOf(join(directory, 'side')));
    expect(runs).toHaveLength(kills + 1);
    const last = new Map<number, number>();
    let newest = -1;
    let [replayed, spilled] = [0, 0];
    for (const [number, taken] of runs.entries()) {
      for (const { first, commitsBehind } of taken) {
        if (Math.floor(first / rowsOfRun) < number) spilled++;
        const before = last.get(first);
        // Twice only where a kill came before the commit, or right behind it.
        if (before !== undefined) {
          expect(before, `commits behind ${first} before it came again`).toBeLessThanOrEqual(1);
          replayed++;
        } else {
          expect(first).toBeGreaterThan(newest);
          newest = first;
        }
        last.set(first, commitsBehind);
      }
    }
    expect(spilled).toBeGreaterThan(0);
    expect(replayed).toBeLessThan(spilled);

    const lost = Array.from({ length: kills + 1 }, () => 0);
    const dropped = Array.from({ length: kills + 1 }, () => 0);
    for (const line of linesOf(join(directory, 'main'))) {
      const [first, droppedBy] = line.split(' ').map(Number) as [number, number];
      const number = Math.floor(first / rowsOfRun);
      if (!last.has(first)) lost[number]! += rowsPerBatch;
      dropped[number] = droppedBy;
    }
    for (const [at, rows] of lost.slice(0, -1).entries()) {
      // What was in memory, and what came, and made others drop, since the line that tells of drops.
      const most = dropped[at]! + 2 * queueRows + 3 * rowsPerBatch;
      expect(rows, `lost of run ${at}`).toBeLessThanOrEqual(most);
    }

    const report = JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8')) as RunReport;
    expectClosedLedger(report);
    const side = ofSide(report);
    expect(side.in).toBe(50 * rowsPerBatch + (side.counts['spill.found'] ?? 0));
    expect(side).toMatchObject({ out: side.in - side.dropped, held: 0, dropped: lost.at(-1)! });
  },
);

/** A file system of so many KiB, where this machine lets us mount one. */
function mountSmallDisk(kib: number): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
  const options = ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', directory];
  if (spawnSync('mount', options).status !== 0) {
    rmdirSync(directory);
    return undefined;
  }
  onTestFinished(() => {
    spawnSync('umount', [directory]);
    rmdirSync(directory);
  });
  return directory;
}

const noMount = 'mounting a small file system needs root';
const megabytes16 = 2 ** 24;

test('files on a disk that is really full keep what was written whole', async ({ skip }) => {
  const disk = mountSmallDisk(512);
  if (disk === undefined) return skip(noMount);
  const failures: unknown[] = [];
  const open = async (): Promise<SpillSegments> => {
    const made = new SpillSegments({
      files: systemFiles(),
      directory: join(disk, 'spill'),
      bytesMax: megabytes16,
      schema: readings as unknown as Schema,
      events: {
        found: () => {},
        dropped: () => expect.unreachable(),
        setAside: () => expect.unreachable(),
        failed: (error) => failures.push(error),
      },
    });
    await made.open();
    return made;
  };
  const batch = (at: number): Batch =>
    Batch.from(numbered(1000, at * 1000), readings) as unknown as Batch;
  const firsts = async (from: SpillSegments): Promise<number[]> => {
    const found: number[] = [];
    while (!from.isEmpty) {
      const read = await from.next();
      if (read !== undefined) found.push(read.toRows()[0]!['value'] as number);
    }
    return found;
  };
  const first = await open();
  let written = 0;
  const isFull = { code: 'ERR_CONNECTOR_FILE', fact: 'cannot be written: the disk is full' };
  for (let full: unknown; full === undefined;) {
    full = await first.append(batch(written)).catch((error: unknown) => error);
    if (full === undefined) written++;
    else expect(full).toMatchObject(isFull);
  }
  expect(written).toBeGreaterThan(10);
  // What is behind that is not written, and harms nothing.
  await expect(first.append(batch(written))).rejects.toMatchObject(isFull);
  await first.close();
  const second = await open();
  const all = Array.from({ length: written }, (_, at) => at * 1000);
  expect(second.rowsWaiting).toBe(written * 1000);
  expect(await firsts(second)).toEqual(all);
  await second.committed();
  // There is room again.
  await second.append(batch(7));
  await second.close();
  expect(await firsts(await open())).toEqual([7000]);
});

test('a run beside a disk that is really full goes on, and counts what that costs', async ({
  skip,
}) => {
  const disk = mountSmallDisk(256);
  if (disk === undefined) return skip(noMount);
  vi.stubEnv('XDG_STATE_HOME', disk);
  onTestFinished(() => void vi.unstubAllEnvs());
  const rows = 100;
  const count = 400;
  const [main, side]: [number[], number[]] = [[], []];
  const valuesOf = (batch: Batch): number[] => batch.toRows().map(({ value }) => value as number);
  const outside = systemOutside();
  const hasFailed = (): boolean => (ofSide(run.stats()).counts['spill.failed'] ?? 0) > 0;
  const flow = new TypedPipelineBuilder(
    'full',
    { queue: { rowsMax: 10 * rows } },
    { outside },
  ).from(
    scriptedSource({
      schema: readings,
      batches: Array.from({ length: count }, (_, at) => numbered(rows, at * rows)),
      // The disk takes as much as comes, until it is full; some more comes then.
      before: async (read) => {
        do await outside.clock.sleep(1);
        while (read === count - 50 && !hasFailed());
      },
    }),
  );
  const answer = (batch: Batch): void => void main.push(...valuesOf(batch));
  flow.to(scriptedSink({ answer }), { id: 'main' });
  const toSide = async (batch: Batch): Promise<void> => {
    while (main.length < count * rows) await outside.clock.sleep(1);
    side.push(...valuesOf(batch));
  };
  const overflow = { spill: { bytesMax: megabytes16 } };
  const run = await flow
    .to(scriptedSink({ answer: toSide }), { id: 'side', required: false, overflow })
    .start();
  const report = await run.done;
  expect(main).toEqual(upTo(count * rows));
  expectClosedLedger(report);
  const { in: given, out, dropped, held, counts } = ofSide(report);
  expect([given, out, held]).toEqual([count * rows, side.length, 0]);
  expect(dropped).toBe(given - out);
  expect(dropped).toBeGreaterThan(0);
  expect(counts['spill.failed']).toBeGreaterThan(0);
  expect(side).toEqual(side.toSorted((a, b) => a - b));
});
