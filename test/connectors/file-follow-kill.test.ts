import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import { seededRandom, systemClock } from '../../src/core/index.ts';

const deadlineMs = 60_000;
// Nightly: 20 times as many.
const kills = process.env['MILLRACE_NIGHTLY'] === undefined ? 5 : 100;

class Job {
  readonly directory = mkdtempSync(join(tmpdir(), 'millrace-kill-'));
  readonly file = join(this.directory, 'a.ndjson');
  written = 0;
  #rotated = 0;
  /** The first line of the file that is written to. */
  #first = 0;
  #child: ChildProcess | undefined;

  start(): void {
    const script = fileURLToPath(new URL('./follow-copy.ts', import.meta.url));
    this.#child = spawn(process.execPath, [script, this.directory], { stdio: 'inherit' });
  }

  async kill(): Promise<void> {
    const child = this.#child!;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** What whole lines say was read. */
  get read(): number[] {
    const out = join(this.directory, 'out');
    if (!existsSync(out)) return [];
    const lines = readFileSync(out, 'utf8').split('\n').slice(0, -1);
    return lines.flatMap((line) => (JSON.parse(line) as { numbers: number[] }).numbers);
  }

  write(lines: number): void {
    let text = '';
    for (let line = 0; line < lines; line++) text += `{"n":${this.written++}}\n`;
    // A line is seen in parts, too.
    const half = Math.floor(text.length / 2);
    appendFileSync(this.file, text.slice(0, half));
    appendFileSync(this.file, text.slice(half));
  }

  /** Whether it was seen that there is this file: one that comes and goes unseen is not promised. */
  get isSeen(): boolean {
    return this.read.includes(this.#first);
  }

  rotate(): void {
    renameSync(this.file, `${this.file}.${this.#rotated++}`);
    this.#first = this.written;
  }

  /** Only once everything was read: what is cut off before that is gone. */
  async copyAndTruncate(): Promise<void> {
    await this.until(() => this.read.length >= this.written);
    copyFileSync(this.file, `${this.file}.copy`);
    truncateSync(this.file);
  }

  async until(isSo: () => boolean): Promise<void> {
    const end = systemClock.monotonic() + deadlineMs;
    while (!isSo()) {
      if (systemClock.monotonic() > end) throw new Error(`after ${this.read.length} rows`);
      await systemClock.sleep(5);
    }
  }
}

it(
  'follows a file whose writer rotates and cuts it, through kill -9',
  { timeout: 900_000 },
  async () => {
    const random = seededRandom('kill');
    const below = (end: number): number => Math.floor(random.next() * end);
    const job = new Job();
    try {
      for (let kill = 0; kill < kills; kill++) {
        job.write(200);
        job.start();
        const before = job.read.length;
        await job.until(() => job.read.length > before);
        for (let step = below(6); step > 0; step--) {
          job.write(1 + below(500));
          if (random.next() < 0.3) {
            await job.until(() => job.isSeen);
            job.rotate();
            job.write(3);
          }
        }
        if (kill % 2 === 1) await job.copyAndTruncate();
        job.write(1 + below(500));
        await job.kill();
        // While nobody reads, too.
        job.write(10);
        if (kill % 3 === 2 && job.isSeen) job.rotate();
      }
      job.start();
      await job.until(() => job.read.length >= job.written);
      await job.kill();
      const read = job.read;
      expect(read).toHaveLength(job.written);
      expect(read.toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: job.written }, (_, n) => n),
      );
    } finally {
      rmSync(job.directory, { recursive: true });
    }
  },
);
