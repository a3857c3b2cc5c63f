import { fork } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PipelineError } from '../errors.ts';
import { ownProgram } from '../own-files.ts';
import { checkInstances, type InstanceSize } from './measure.ts';
import type { Answer, RecordSize, Task } from './task.ts';

/** Nothing in the background, a young generation of fixed size: sizes do not hang on time. */
const nodeOptions = [
  '--expose-gc',
  '--allow-natives-syntax',
  '--single-threaded',
  '--predictable-gc-schedule',
  '--hash-seed=1',
];

const saidMax = 4096;
const defaultTimeoutMs = 300_000;
/** The longest that Node's timers wait. */
const timeoutMsMax = 2 ** 31 - 1;

/** When a measurement in a process of its own is given up; the process is killed. */
export interface MeasureLimits {
  /** Whole milliseconds that one measurement may take, up to 2^31 − 1; 5 minutes unless given. */
  readonly timeoutMs?: number;
  /** Rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Measures what a module makes, in a process of its own: `name` is a class that the file exports, made
 * by `new Name(index)`, or a function that is called as `measureInstanceSize` calls it. Throws
 * `ERR_MEMORY_MEASURE` where there is no such thing, it takes too long, or the process does not
 * survive it, and `ERR_CONFIG_INVALID` where it is asked wrongly.
 */
export async function measureModule(
  file: string,
  name: string,
  n = 100_000,
  limits: MeasureLimits = {},
): Promise<InstanceSize> {
  checkText('file', file);
  checkText('name', name);
  checkInstances(n);
  const task = { file: resolve(file), name, instances: n };
  return (await measureInChild(task, limits)) as InstanceSize;
}

function checkText(place: string, given: unknown): void {
  if (typeof given === 'string' && given !== '') return;
  const remedy = 'give the path of a file, and the name of what it exports';
  throw new PipelineError({ code: 'ERR_CONFIG_INVALID', place, fact: 'it is no text', remedy });
}

function checkTimeout(timeoutMs: number): void {
  if (Number.isInteger(timeoutMs) && timeoutMs > 0 && timeoutMs <= timeoutMsMax) return;
  throw new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: 'timeoutMs',
    fact: `${String(timeoutMs)} is no time limit`,
    remedy: `give whole milliseconds, from 1 to ${timeoutMsMax}`,
  });
}

/** Does one task in a process of its own, which ends with this one. */
export async function measureInChild(
  task: Task,
  { timeoutMs = defaultTimeoutMs, signal }: MeasureLimits = {},
): Promise<RecordSize> {
  checkTimeout(timeoutMs);
  signal?.throwIfAborted();
  const child = fork(
    fileURLToPath(ownProgram('memory/measuring-process')),
    [JSON.stringify(task)],
    {
      execArgv: nodeOptions,
      // What a module of the user's prints is no result. The last one closes with this process.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
      timeout: timeoutMs,
      // It may be busy for good, and hear nothing else.
      killSignal: 'SIGKILL',
      ...(signal !== undefined && { signal }),
    },
  );
  let said = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-saidMax);
    });
  }
  let answer: Answer | undefined;
  child.once('message', (message) => {
    answer = message as Answer;
  });
  const { promise, resolve: end, reject } = Promise.withResolvers<string>();
  child.once('error', (error) => {
    // An abort is told here, and the process is gone a little later.
    if (signal?.aborted !== true) reject(error);
  });
  child.once('close', (code, killedBy) => end(killedBy ?? `code ${code}`));
  const ended = await promise;
  signal?.throwIfAborted();
  if (answer !== undefined && 'size' in answer) return answer.size;
  const place = 'layout' in task ? task.layout : `${task.file}#${task.name}`;
  if (answer !== undefined) {
    const { code, fact, remedy } = answer;
    throw new PipelineError({
      code,
      place: answer.place ?? place,
      fact,
      ...(remedy === undefined ? {} : { remedy }),
    });
  }
  if (child.killed) {
    const fact = `it had not measured within ${timeoutMs} ms`;
    const remedy = 'measure fewer, or allow more (`timeoutMs`)';
    throw new PipelineError({ code: 'ERR_MEMORY_MEASURE', place, fact, remedy });
  }
  const isFull = said.includes('heap out of memory');
  throw new PipelineError({
    code: 'ERR_MEMORY_MEASURE',
    place,
    fact: isFull
      ? `${task.instances} of them do not fit into the memory that Node allows`
      : `its process ended with ${ended} before it had measured: ${said.trim()}`,
    ...(isFull ? { remedy: 'measure fewer, or allow more (`--max-old-space-size`)' } : {}),
  });
}
