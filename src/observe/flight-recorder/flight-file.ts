import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { assertPrivate, fileError } from '../../core/system-files.ts';
import type { FlightReason } from './record.ts';

const namePattern = /^flight-.*\.json$/;

export interface FlightFile {
  readonly directory: string;
  /** How many are kept; the oldest make room. */
  readonly filesMax: number;
  readonly reason: FlightReason;
  /** Wall time in milliseconds. */
  readonly at: number;
  readonly text: string;
}

/**
 * Writes a record to a file of its owner's alone and gives its path. Without the event loop, which a
 * process that crashes has no more; whole or not at all. Throws what the system throws.
 */
export function writeFlightFile({ directory, filesMax, reason, at, text }: FlightFile): string {
  makePrivate(directory);
  const time = new Date(at).toISOString().replaceAll(':', '-');
  const path = join(directory, `flight-${time}-${reason}.json`);
  const unfinished = join(directory, 'unfinished.tmp');
  rmSync(unfinished, { force: true });
  writeFileSync(unfinished, text, { flag: 'wx', mode: 0o600 });
  renameSync(unfinished, path);
  const written = readdirSync(directory).filter((name) => namePattern.test(name));
  // Their names begin with the time.
  for (const name of written.sort().slice(0, -filesMax)) rmSync(join(directory, name));
  return path;
}

function makePrivate(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    assertPrivate(statSync(directory));
  } catch (error) {
    throw fileError(directory, error);
  }
}
