// A process that logs and ends in some way: `log-crash.ts WAY TARGET LINES`.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import process from 'node:process';
import { setImmediate } from 'node:timers/promises';

import { BufferedStructuredLogger } from '../../src/observe/log.ts';

const [, , way, target = '', count = '0'] = process.argv;
const stream = target === 'stdout' ? process.stdout : createWriteStream(target);
const log = new BufferedStructuredLogger({ stream });
const undo = log.flushOnCrash();

function say(lines: number): void {
  for (let at = 0; at < lines; at++) log.info('line.said', { at, text: 'x'.repeat(100) });
  for (let at = 0; at < 3; at++) log.warning('line.repeated');
}

function end(): void {
  if (way === 'throw') throw new Error('boom');
  if (way === 'reject') void Promise.reject(new Error('boom'));
  if (way === 'exit') process.exit(7);
  if (way === 'undone') undo();
}

if (way === 'burst') {
  // One chunk is being written, two wait for it in the stream, and the rest here.
  await once(stream, 'open');
  await setImmediate();
  say(Number(count));
  process.exit(7);
}
if (way === 'busy') {
  // In the middle of it, with writes on their way.
  await setImmediate();
  for (let turn = 0; turn < 5; turn++) {
    say(Number(count));
    await setImmediate();
  }
  say(Number(count));
  process.exit(7);
}
if (way === 'full') {
  // Of more than one byte for each character, so that the pipe ends within one.
  for (let at = 0; at < Number(count); at++) log.info('line.said', { at, text: 'é'.repeat(333) });
  process.stderr.write('full\n');
  process.exit(7);
}
say(Number(count));
end();
