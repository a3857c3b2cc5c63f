import type { EventEmitter } from 'node:events';
import { readdirSync } from 'node:fs';

import { expect, onTestFinished, test } from 'vitest';

import { FlightRecorder } from '../../src/observe/index.ts';
import { virtualOutside } from '../../src/testing/outside.ts';
import { temporaryDirectory } from '../cli/millrace.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from '../engine/ends.ts';

const listeners = (): number => process.listenerCount('uncaughtExceptionMonitor');

/** A run that goes on until it is stopped, and a place for its files. */
async function recorded() {
  const outside = virtualOutside();
  const directory = temporaryDirectory();
  const run = await testPipeline({}, [], outside)
    .from(scriptedSource({ schema: readings, batches: [numbered(1)], endless: true }))
    .to(scriptedSink({}))
    .start();
  onTestFinished(() => run.abort());
  const recorder = new FlightRecorder(run, { clock: outside.clock, directory });
  return { run, recorder, files: () => readdirSync(directory) };
}

function crash(): void {
  (process as EventEmitter).emit('uncaughtExceptionMonitor', new Error('elsewhere'));
}

test('a recorder that is disposed of hears of no crash any more', async () => {
  const before = listeners();
  for (let count = 0; count < 11; count++) {
    const { recorder } = await recorded();
    recorder.recordOnCrash();
    expect(listeners()).toBe(before + 1);
    recorder[Symbol.dispose]();
  }
  expect(listeners()).toBe(before);
});

test('a crash is written once, however often that was asked for, until it is undone', async () => {
  const before = listeners();
  const { recorder, files } = await recorded();
  const undo = recorder.recordOnCrash();
  recorder.recordOnCrash();
  crash();
  expect(files()).toHaveLength(1);
  undo();
  expect(listeners()).toBe(before);
  recorder.recordOnCrash();
  expect(listeners()).toBe(before + 1);
  recorder[Symbol.dispose]();
});

test('a run that has ended did not crash', async () => {
  const before = listeners();
  const { run, recorder, files } = await recorded();
  recorder.recordOnCrash();
  await run.stop();
  crash();
  expect(files()).toEqual([]);
  expect(listeners()).toBe(before);
  recorder.recordOnCrash();
  expect(listeners()).toBe(before);
  recorder[Symbol.dispose]();
});

test('options that there are not are refused', async () => {
  const { run } = await recorded();
  expect(() => new FlightRecorder(run, { minuets: 5 } as object)).toThrow(/minuets/);
});
