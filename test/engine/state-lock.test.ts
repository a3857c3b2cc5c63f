import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { describe, expect, test } from 'vitest';

import { stateDirectory } from '../../src/core/state-directory.ts';
import type { Run } from '../../src/engine/index.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';
import { VirtualFiles } from '../../src/testing/virtual-files.ts';
import { millrace, start as startProcess, temporaryDirectory } from '../cli/millrace.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

const directory = stateDirectory(process.env, 'test');

interface Options {
  readonly files?: VirtualFiles;
  readonly open?: () => Promise<void>;
  readonly close?: () => Promise<void>;
  readonly spills?: boolean;
}

/** A run that ends when it is told to, with a sink that spills. */
async function start({ files = new VirtualFiles(), open, close, spills = true }: Options = {}) {
  const outside: VirtualOutside = { ...virtualOutside(), files };
  const opened = { main: 0 };
  const flow = testPipeline({}, [], outside).from(
    scriptedSource({ schema: readings, batches: [numbered(1)], endless: true }),
  );
  const main = async (): Promise<void> => {
    opened.main++;
    await open?.();
  };
  flow.to(scriptedSink({ open: main, ...(close && { close }) }), { id: 'main' });
  const placement = { id: 'side', required: false, overflow: { spill: { bytesMax: 2 ** 20 } } };
  const run: Run = await flow.to(scriptedSink({}), spills ? placement : { id: 'side' }).start();
  return { run, outside, opened };
}

const isLocked = { code: 'ERR_STATE_LOCKED', place: directory, retryable: true };

describe('the state directory of a pipeline', () => {
  test('belongs to one run at a time, also within a process', async () => {
    const files = new VirtualFiles();
    const first = await start({ files });
    await first.outside.clock.sleep(1000);
    const second = await start({ files });
    await expect(second.run.done).rejects.toMatchObject(isLocked);
    await expect(second.run.done).rejects.toThrow(
      `another run of \`test\` is at work: process ${process.pid} on ${hostname()}, since ${new Date(
        first.outside.clock.now() - 1000,
      ).toISOString()}; stop it first, or give this pipeline a \`name\` of its own`,
    );
    expect(second.run.stats().status).toBe('failed');
    // Nothing was begun, and the lock of the other is still there.
    expect(second.opened.main).toBe(0);
    await expect((await start({ files })).run.done).rejects.toMatchObject(isLocked);
    await first.run.stop();
    const third = await start({ files });
    expect((await third.run.stop()).status).toBe('stopped');
    expect(await files.match(`${directory}/lock*`)).toEqual([`${directory}/lock`]);
  });

  test('is free again however a run ends', async () => {
    const files = new VirtualFiles();
    const refuse = (): Promise<never> => Promise.reject(new Error('no'));
    const hang = (): Promise<never> => new Promise(() => {});
    const ends: [Options, (run: Run) => Promise<unknown>][] = [
      [{}, (run) => run.abort()],
      [{ open: refuse }, (run) => run.done],
      [{ close: refuse }, (run) => run.stop()],
      [{ close: hang }, (run) => run.stop()],
      [{ open: hang }, (run) => run.abort()],
    ];
    for (const [options, end] of ends) {
      const { run } = await start({ files, ...options });
      await end(run).catch(() => {});
      await run.done.catch(() => {});
      expect(await files.match(`${directory}/lock.json`)).toEqual([]);
    }
    const { run } = await start({ files });
    await expect(run.stop()).resolves.toMatchObject({ status: 'stopped' });
  });

  test('is free again when the process of a run is gone', async () => {
    const files = new VirtualFiles();
    const first = await start({ files });
    await first.outside.clock.sleep(1000);
    files.cutPower();
    const { run } = await start({ files });
    expect((await run.stop()).status).toBe('stopped');
    // What is left of the old one takes nothing from whoever has it now.
    const third = await start({ files });
    await first.run.abort();
    await third.outside.clock.sleep(1000);
    await expect((await start({ files })).run.done).rejects.toMatchObject(isLocked);
    await third.run.stop();
  });

  test('is not touched by a run that keeps nothing there', async () => {
    const files = new VirtualFiles();
    const one = await start({ files, spills: false });
    const two = await start({ files, spills: false });
    await Promise.all([one.run.stop(), two.run.stop()]);
    expect(await files.facts(directory)).toBeUndefined();
  });

  test('says who has it also where that cannot be read', async () => {
    const files = new VirtualFiles();
    const first = await start({ files });
    await first.outside.clock.sleep(1000);
    files.put(`${directory}/lock.json`, '{"pid"');
    const second = await start({ files });
    await expect(second.run.done).rejects.toThrow('another run of `test` is at work; stop it');
    await first.run.stop();
  });
});

const config = `name: twice
source:
  interval: { everyMs: 10 }
sinks:
  store: { file: { path: store.ndjson } }
  copy:
    file: { path: copy.ndjson }
    required: false
    overflow: { spill: { bytesMax: 1048576 } }
`;

describe('the command line', () => {
  const prepare = (): string => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'twice.yaml'), config);
    return cwd;
  };
  const words = ['run', 'twice.yaml', '--for', '60s'];

  test('refuses a second run of a name, and takes over from one that was killed', async () => {
    const cwd = prepare();
    const state = join(cwd, 'state/millrace/twice');
    const first = startProcess(words, { cwd });
    const copied = (): number =>
      statSync(join(cwd, 'copy.ndjson'), { throwIfNoEntry: false })?.size ?? 0;
    await expect.poll(copied, { timeout: 20_000 }).toBeGreaterThan(0);
    const second = await millrace(words, { cwd });
    expect(second.stderr).toContain(
      `ERR_STATE_LOCKED [${state}] another run of \`twice\` is at work: process ${first.child.pid} on `,
    );
    expect(second.code).toBe(1);
    for (const name of ['', 'lock', 'lock.json', 'spill/copy']) {
      expect(statSync(join(state, name)).mode & 0o077, name).toBe(0);
    }
    first.child.kill('SIGKILL');
    await first.ended;
    // Two take over at once; one has it.
    const both = [startProcess(words, { cwd }), startProcess(words, { cwd })];
    const refused = await Promise.race(both.map(({ ended }) => ended));
    expect(refused.stderr).toContain('ERR_STATE_LOCKED');
    expect(refused.code).toBe(1);
    const working = both.find(({ child }) => child.exitCode === null)!;
    working.child.kill('SIGTERM');
    expect((await working.ended).code).toBe(0);
  });

  test('keeps nothing where everybody may write', async () => {
    const cwd = prepare();
    const state = join(cwd, 'state/millrace/twice');
    mkdirSync(state, { recursive: true });
    chmodSync(state, 0o777);
    const { code, stderr } = await millrace(words, { cwd });
    expect([code, stderr]).toEqual([1, expect.stringContaining('may be written to by everybody')]);
  });

  test('keeps nothing where the directory is of another user', async ({ skip }) => {
    const cwd = prepare();
    const state = join(cwd, 'state/millrace');
    mkdirSync(state, { recursive: true });
    if (spawnSync('chown', ['12345', state]).status !== 0)
      skip('giving a directory away needs root');
    const { code, stderr } = await millrace(words, { cwd });
    expect([code, stderr]).toEqual([1, expect.stringContaining('belongs to another user')]);
  });
});
