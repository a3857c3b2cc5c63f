import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { lastEntry } from '../bench/lib/history.ts';
import { judge, type Result } from '../bench/lib/measure.ts';
import { pageOf, pagePath } from '../bench/lib/page.ts';
import { type Pass, timeRounds } from '../bench/lib/rounds.ts';
import { tableOf } from '../bench/lib/table.ts';
import { measures } from '../bench/measures.ts';

const root = join(import.meta.dirname, '..');
const history = join(root, 'bench', 'history.ndjson');

test('a run prints one array of results, and a quick one is no history', async () => {
  const before = historyNow();
  const args = ['bench/run.ts', '--json', '--quick', '--only', 'memory.columns.rxjs'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
  const results = JSON.parse(stdout) as Result[];
  expect(results).toEqual([
    {
      id: 'memory.columns.rxjs',
      ours: expect.any(Number),
      peer: expect.any(Number),
      ratio: expect.any(Number),
      target: 6,
      holds: expect.any(Boolean),
    },
  ]);
  expect(historyNow()).toBe(before);
});

test('an unknown measure is an error that names those there are', async () => {
  const run = promisify(execFile)(process.execPath, ['bench/run.ts', '--only', 'speed'], {
    cwd: root,
  });
  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no measure is called `speed`: .*memory\.rows\.rxjs/),
  });
});

test('a slower side of ours does not hold, a faster one does', async () => {
  const measure = { id: 'speed', target: { faster: 6 } };
  const slow = await timed({ ours: 10, peer: 50 });
  expect(judge(measure, slow)).toEqual({
    id: 'speed',
    ours: 10,
    peer: 50,
    ratio: 5,
    target: 6,
    holds: false,
  });
  const fast = await timed({ ours: 10, peer: 60 });
  expect(judge(measure, fast)).toMatchObject({ ratio: 6, holds: true });
});

test('a limit holds up to it and not beyond', () => {
  const measure = { id: 'start', target: { within: 1 } };
  expect(judge(measure, { ours: [200, 250, 300], peer: [250] })).toMatchObject({
    ratio: 1,
    holds: true,
  });
  expect(judge(measure, { ours: [251], peer: [250] })).toMatchObject({
    ratio: 1.004,
    holds: false,
  });
});

test('the warm-up gives no samples, and the sides take turns in going first', async () => {
  const order: string[] = [];
  const pass = (side: string): Pass => {
    return async () => {
      order.push(side);
      return { records: 1, sum: 1 };
    };
  };
  const passes = { ours: pass('ours'), peer: pass('peer') };
  const samples = await timeRounds(passes, { rounds: 2, warmupMs: 0, now: () => 0 });
  expect(samples).toEqual({ ours: [0, 0], peer: [0, 0] });
  expect(order).toEqual(['peer', 'ours', 'ours', 'peer', 'peer', 'ours']);
});

test('each side is warmed up for the time given, however long its pass takes', async () => {
  let time = 0;
  const calls = { ours: 0, peer: 0 };
  const pass = (side: 'ours' | 'peer', took: number): Pass => {
    return async () => {
      calls[side]++;
      time += took;
      return { records: 1, sum: 1 };
    };
  };
  const passes = { ours: pass('ours', 2), peer: pass('peer', 7) };
  await timeRounds(passes, { rounds: 0, warmupMs: 10, now: () => time });
  expect(calls).toEqual({ ours: 5, peer: 2 });
});

test('sides that come to different results are not compared', async () => {
  const passes = {
    ours: async () => ({ records: 2, sum: 1 }),
    peer: async () => ({ records: 2, sum: 1.001 }),
  };
  await expect(timeRounds(passes, { rounds: 1, warmupMs: 0 })).rejects.toThrow(
    'the results differ',
  );
});

test('the table says units, the side of the target and what did not hold', () => {
  const target = { within: 1.15 };
  const measure = { id: 'memory', title: 'long', peer: 'short', unit: 'MiB', target } as const;
  const results = [judge(measure, { ours: [120], peer: [100] })];
  const table = tableOf(results, [{ ...measure, run: () => Promise.reject(new Error()) }]);
  expect(table).toMatch(/memory +120 MiB +100 MiB +1\.2 +≤ 1\.15 +NO/);
  expect(table).toContain('memory: long; peer: short');
});

test('the page tells the last whole run, of every measure what it compares and how to repeat it', async () => {
  const page = await pageOf(lastEntry(), measures);
  expect(readFileSync(pagePath, 'utf8')).toBe(page);
  for (const { id } of lastEntry().results) {
    expect(page).toContain(`npm run bench -- --only ${id}\``);
  }
});

test('the page names what did not hold, and gives a limit as one', async () => {
  const measure = { title: 'a long job', unit: 'ms', target: { within: 1 } } as const;
  const results = [
    judge({ id: 'job.long', target: { within: 1 } }, { ours: [3], peer: [2] }),
    judge({ id: 'job.short', target: { within: 1 } }, { ours: [1], peer: [2] }),
  ];
  const run = () => Promise.reject(new Error());
  const page = await pageOf({ ...lastEntry(), results }, [
    { ...measure, id: 'job.long', peer: 'the limit', run },
    { ...measure, id: 'job.short', peer: 'a script', run },
  ]);
  expect(page).toContain('1 of 2 hold. Beyond their limits: [job.long](#joblong).');
  expect(page).toMatch(/\[job\.long\].*\| +3 ms \| +limit 2 ms \| +1\.5 \| +≤ 1 \| \*\*no\*\*/);
  expect(page).toMatch(/\[job\.short\].*\| +1 ms \| +2 ms \| +0\.5 \| +≤ 1 \| yes/);
});

/** Samples of passes that take so long, by a clock that only they move. */
function timed(takes: { ours: number; peer: number }): ReturnType<typeof timeRounds> {
  let time = 0;
  const pass = (took: number): Pass => {
    return async () => {
      time += took;
      return { records: 1, sum: 1 };
    };
  };
  const passes = { ours: pass(takes.ours), peer: pass(takes.peer) };
  return timeRounds(passes, { rounds: 3, warmupMs: 10, now: () => time });
}

function historyNow(): string {
  return existsSync(history) ? readFileSync(history, 'utf8') : '';
}
