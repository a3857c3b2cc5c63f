import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

let directory: string | undefined;

/**
 * Gives the runs of tests a place for their state that is not that of whoever runs the tests, and one for
 * what Node compiles: hundreds of processes begin with the same modules.
 */
export function setup(): void {
  directory = mkdtempSync(join(tmpdir(), 'millrace-state-'));
  process.env['XDG_STATE_HOME'] = directory;
  process.env['NODE_COMPILE_CACHE'] = join(directory, 'compiled');
}

export function teardown(): void {
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
}
