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
    // Nothing is written in a later turn any more.
    if (!writeAtOnce(terminal.err, text)) terminal.err.write(text);
    process.exit(exitCodes.failed);
  });
}
