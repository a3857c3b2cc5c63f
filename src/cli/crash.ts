import { Buffer } from 'node:buffer';
import process from 'node:process';
import { inspect } from 'node:util';

import { escapeControls } from '../core/plain-text.ts';
import { writeAtOnce } from '../observe/log/last-words.ts';
import { exitCodes } from './failure.ts';
import type { Terminal } from './terminal.ts';

/**
 * Says what the process crashes with, and ends it, in the place of Node, which would show whatever
 * secret is in it.
 */
export function endOnCrash(terminal: Terminal): void {
  process.on('uncaughtException', (error: unknown) => {
    const lines = terminal.scrub(inspect(error)).split('\n').map(escapeControls);
    const text = `millrace: crashed: ${lines.join('\n')}\n`;
    // Behind the log, whose last lines are written then; in a later turn nothing is any more.
    process.on('exit', () => void writeAtOnce(terminal.err, Buffer.from(text)));
    process.exit(exitCodes.failed);
  });
}
