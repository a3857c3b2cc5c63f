import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { type Files, systemFiles } from '../../src/core/index.ts';
import { VirtualFiles } from '../../src/testing/virtual-files.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const systems: Record<string, () => Files> = {
  system: () => systemFiles(directory),
  virtual: () => new VirtualFiles(),
};

describe.each(Object.entries(systems))('a lock of the %s files', (_name, create) => {
  it('is had by one at a time, also within a process', async () => {
    const files = create();
    const first = await files.lock('deep/lock');
    expect(first).toBeDefined();
    expect(await files.lock('deep/lock')).toBeUndefined();
    const other = await files.lock('other');
    expect(other).toBeDefined();
    await first!.release();
    const second = await files.lock('deep/lock');
    expect(second).toBeDefined();
    // A release that comes twice is not that of somebody else.
    await first!.release();
    expect(await files.lock('deep/lock')).toBeUndefined();
    await second!.release();
    await other!.release();
  });
});

/** A process that takes the lock, says whether it has it, and goes on for ever. */
async function holder(): Promise<{ has: boolean; kill: () => Promise<void> }> {
  const module = join(import.meta.dirname, '../../src/core/system-files.ts');
  const script = `const { systemFiles } = await import(${JSON.stringify(module)});
    const lock = await systemFiles(${JSON.stringify(directory)}).lock('lock');
    process.stdout.write(lock === undefined ? '-' : '+');
    setInterval(() => {}, 1e6);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { has: said.toString() === '+', kill };
}

describe('a lock of another process', () => {
  it('goes with it when that is killed, and of several that come then one has it', async () => {
    const files = systemFiles(directory);
    const first = await holder();
    expect(first.has).toBe(true);
    expect(await files.lock('lock')).toBeUndefined();
    await first.kill();
    const next = await Promise.all(Array.from({ length: 4 }, () => holder()));
    expect(next.filter(({ has }) => has)).toHaveLength(1);
    for (const one of next) await one.kill();
    await (await files.lock('lock'))!.release();
  });
});

describe('a private directory', () => {
  const at = (name: string): string => join(directory, name);

  it('is made for the owner only, with those above it', async () => {
    await systemFiles(directory).makeDirectory('a/b', 'private');
    for (const name of ['a', 'a/b']) expect(statSync(at(name)).mode & 0o777).toBe(0o700);
    await systemFiles(directory).makeDirectory('a/b', 'private');
  });

  it('is refused where everybody may write to it', async () => {
    mkdirSync(at('open'));
    chmodSync(at('open'), 0o777);
    await expect(systemFiles(directory).makeDirectory('open', 'private')).rejects.toMatchObject({
      code: 'ERR_CONNECTOR_FILE',
      place: 'open',
      fact: 'may be written to by everybody',
      remedy: expect.stringContaining('chmod o-w'),
    });
  });

  it('is refused where it is of another user', async ({ skip }) => {
    if (process.geteuid?.() !== 0) skip('giving a directory away needs root');
    mkdirSync(at('theirs'));
    chownSync(at('theirs'), 12_345, 12_345);
    await expect(systemFiles(directory).makeDirectory('theirs', 'private')).rejects.toMatchObject({
      fact: 'belongs to another user',
    });
  });
});
