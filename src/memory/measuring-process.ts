import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

import { isClass } from '../core/is-class.ts';
import { isPipelineError, PipelineError, reasonOf } from '../errors.ts';
import { ownProgram } from '../own-files.ts';
import { blockRows, type Layout, layouts } from './layouts.ts';
import { deepInstanceSize, measureHeld, measureInstanceSize, roundsFor } from './measure.ts';
import type { Answer, RecordSize, Task } from './task.ts';

async function measure(task: Task): Promise<RecordSize> {
  if ('file' in task) {
    return measureInstanceSize(await creatorOf(task.file, task.name), task.instances);
  }
  const { hold } = layouts.find(({ name }) => name === task.layout)!;
  if ('create' in hold) return measureInstanceSize(hold.create, task.instances);
  return measureBlocks(hold, task.instances);
}

/** A record in a block is no object of its own, so that some figures do not exist. */
async function measureBlocks(
  { begin }: Extract<Layout['hold'], { begin: unknown }>,
  n: number,
): Promise<RecordSize> {
  const make = async (held: unknown[]): Promise<void> => {
    const create = begin();
    for (let block = 0; block < held.length; block++) {
      const from = block * blockRows;
      held[block] = await create(from, Math.min(blockRows, n - from));
    }
  };
  const blocks = new Array<unknown>(Math.ceil(n / blockRows));
  const { retainedBytes, peakBytes } = await measureHeld(make, blocks.length, roundsFor(n));
  await make(blocks);
  return {
    instances: n,
    hasFastShape: null,
    shellBytes: null,
    directBytes: null,
    deepBytes: (await deepInstanceSize(blocks)) / n,
    retainedBytes: retainedBytes / n,
    peakMb: peakBytes / 1e6,
  };
}

async function creatorOf(file: string, name: string): Promise<(index: number) => unknown> {
  const refuse = (fact: string, cause?: unknown): PipelineError =>
    new PipelineError({
      code: 'ERR_MEMORY_MEASURE',
      place: `${file}#${name}`,
      fact,
      remedy: 'name a file, and a class or function that it exports',
      cause,
    });
  const module = await import(pathToFileURL(file).href).catch((error: unknown) => {
    throw refuse(`cannot load the file: ${reasonOf(error)}`, error);
  });
  const made: unknown = (module as Record<string, unknown>)[name];
  if (typeof made !== 'function') throw refuse(`the file exports no class or function \`${name}\``);
  if (isClass(made)) return (index) => Reflect.construct(made, [index]);
  return made as (index: number) => unknown;
}

function answerOf(error: unknown): Answer {
  if (!isPipelineError(error)) return { code: 'ERR_MEMORY_MEASURE', fact: reasonOf(error) };
  const { code, place, fact, remedy } = error;
  return { code, place, fact, remedy };
}

async function main(task: Task): Promise<void> {
  // This thread may be busy for good, and would not see that nobody wants to know any more.
  new Worker(ownProgram('memory/parent-watch')).unref();
  const answer: Answer = await measure(task).then((size) => ({ size }), answerOf);
  // A module of the user's may keep the process alive.
  process.send!(answer, () => process.exit());
}

void main(JSON.parse(process.argv[2]!) as Task);
