import { readlinkSync } from 'node:fs';
import { type FileHandle as FileHandleOfNode, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import process from 'node:process';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type FileHandle, type Files, systemFiles } from '../../src/core/index.ts';
import { VirtualFiles } from '../../src/testing/virtual-files.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-files-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function textOf(handle: FileHandle): Promise<string> {
  const into = new Uint8Array(1024);
  return new TextDecoder().decode(into.subarray(0, await handle.read(into, 0)));
}

// Both file systems keep the same promises.
const systems: Record<string, () => Files> = {
  system: () => systemFiles(directory),
  virtual: () => new VirtualFiles(),
};

describe.each(Object.entries(systems))('the %s files', (_name, create) => {
  it('append, read at an offset, truncate and replace', async () => {
    const files = create();
    {
      await using file = await files.open('a.txt', 'append');
      await file.append(bytes('hello '));
      await file.append(bytes('world'));
      await file.truncate(5);
      await file.append(bytes('!'));
      await file.sync();
      expect(await textOf(file)).toBe('hello!');
      const into = new Uint8Array(3);
      expect(await file.read(into, 4)).toBe(2);
      expect(await file.read(into, 6)).toBe(0);
      expect(await file.facts()).toMatchObject({ kind: 'file', sizeBytes: 6 });
    }
    expect(await files.readText('a.txt')).toBe('hello!');
    await (await files.open('a.txt', 'replace')).close();
    expect(await files.facts('a.txt')).toMatchObject({ sizeBytes: 0 });
  });

  it('appends at the end also after somebody else cut the file', async () => {
    const files = create();
    await using file = await files.open('a.txt', 'append');
    await file.append(bytes('0123456789'));
    await using other = await files.open('a.txt', 'append');
    await other.truncate(0);
    await file.append(bytes('x'));
    expect(await textOf(file)).toBe('x');
  });

  it('tell what is there, and what is not', async () => {
    const files = create();
    await files.makeDirectory('deep/er');
    expect(await files.facts('deep/er')).toMatchObject({ kind: 'directory' });
    expect(await files.facts('deep/nothing')).toBeUndefined();
  });

  it('tell two files of one name apart', async () => {
    const files = create();
    await (await files.open('a.txt', 'append')).close();
    const before = await files.facts('a.txt');
    // The first is kept, so that its inode cannot be used again.
    await files.rename('a.txt', 'b.txt');
    await (await files.open('a.txt', 'append')).close();
    expect((await files.facts('a.txt'))?.inode).not.toBe(before?.inode);
    expect((await files.facts('b.txt'))?.inode).toBe(before?.inode);
  });

  it('match patterns, sorted, as the pattern is written, files only', async () => {
    const files = create();
    for (const name of ['b.csv', 'a.csv', 'c.txt']) {
      await files.makeDirectory('in/sub.csv');
      await (await files.open(`in/${name}`, 'append')).close();
    }
    await (await files.open('in/sub.csv/z.csv', 'append')).close();
    expect(await files.match('in/*.csv')).toEqual(['in/a.csv', 'in/b.csv']);
    expect(await files.match('in/**/*.csv')).toEqual(['in/a.csv', 'in/b.csv', 'in/sub.csv/z.csv']);
    expect(await files.match('none/*.csv')).toEqual([]);
  });

  it.each([
    ['a missing file', 'missing.txt', 'read', 'does not exist'],
    ['a directory', 'd', 'read', 'is a directory'],
    ['a directory', 'd', 'replace', 'is a directory'],
    ['a directory', 'd', 'append', 'is a directory'],
    ['a missing parent', 'no/such/file.txt', 'append', 'does not exist'],
    ['a parent that is a file', 'f/file.txt', 'append', 'has a parent that is not a directory'],
  ] as const)('refuse %s (%s, %s) by name', async (_what, path, mode, fact) => {
    const files = create();
    await files.makeDirectory('d');
    await (await files.open('f', 'append')).close();
    await expect(files.open(path, mode)).rejects.toMatchObject({
      name: 'PipelineError',
      code: 'ERR_CONNECTOR_FILE',
      place: path,
      fact,
      remedy: expect.stringContaining(' ') as string,
    });
  });

  it('refuse to make a directory below a file', async () => {
    const files = create();
    await (await files.open('f', 'append')).close();
    await expect(files.makeDirectory('f/below')).rejects.toMatchObject({
      code: 'ERR_CONNECTOR_FILE',
      fact: 'has a parent that is not a directory',
    });
  });

  it('remove what is there and what is not', async () => {
    const files = create();
    await (await files.open('a.txt', 'append')).close();
    await files.remove('a.txt');
    await files.remove('a.txt');
    expect(await files.facts('a.txt')).toBeUndefined();
  });
});

describe('the system files', () => {
  it('make private files for the owner only, with their directories', async () => {
    const files = systemFiles(directory);
    await (await files.open('state/job/letters.ndjson', 'private')).close();
    expect((await stat(join(directory, 'state/job'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, 'state/job/letters.ndjson'))).mode & 0o777).toBe(0o600);
  });

  it.skipIf(process.platform !== 'linux')(
    'make new directories durable, and what a rename changes in both of its own',
    async () => {
      const handle = await open(directory);
      const prototype = Object.getPrototypeOf(handle) as FileHandleOfNode;
      await handle.close();
      const synced: string[] = [];
      const { sync } = prototype;
      const spy = vi.spyOn(prototype, 'sync').mockImplementation(function (this: typeof handle) {
        synced.push(relative(directory, readlinkSync(`/proc/self/fd/${this.fd}`)));
        return sync.call(this);
      });
      const files = systemFiles(directory);
      try {
        await files.makeDirectory('a/b');
        expect(synced.splice(0)).toEqual(['', 'a']);
        await files.makeDirectory('a/b');
        expect(synced.splice(0)).toEqual([]);
        const file = await files.open('a/b/letters', 'private');
        await file.append(bytes('x'));
        await file.sync();
        await file.close();
        expect(synced.splice(0)).toEqual(['a/b']);
        await files.rename('a/b/letters', 'a/b/letters.1');
        expect(synced.splice(0)).toEqual(['a/b']);
        await files.rename('a/b/letters.1', 'a/letters');
        expect(synced.splice(0)).toEqual(['a', 'a/b']);
      } finally {
        spy.mockRestore();
      }
    },
  );

  it('say that text is not UTF-8', async () => {
    const files = systemFiles(directory);
    await using file = await files.open('bad.txt', 'append');
    await file.append(Uint8Array.of(0x61, 0xff));
    await expect(files.readText('bad.txt')).rejects.toMatchObject({ fact: 'is not valid UTF-8' });
  });

  it.skipIf(process.platform !== 'linux')(
    'name the path of a full disk, and call it worth a retry',
    async () => {
      await using file = await systemFiles().open('/dev/full', 'append');
      await expect(file.append(bytes('x'))).rejects.toMatchObject({
        code: 'ERR_CONNECTOR_FILE',
        place: '/dev/full',
        fact: 'cannot be written: the disk is full',
        retryable: true,
      });
    },
  );

  it.skipIf(process.platform === 'win32')('take a device that cannot be synced', async () => {
    await using file = await systemFiles().open('/dev/null', 'append');
    await file.append(bytes('x'));
    await file.sync();
    expect(await file.facts()).toMatchObject({ kind: 'other' });
  });

  // Root may open everything; the virtual files below cover the refusal there.
  it.skipIf(process.getuid?.() === 0)('refuse what may not be read', async () => {
    const files = systemFiles(directory);
    await (await files.open('secret.txt', 'append')).close();
    const { chmod } = await import('node:fs/promises');
    await chmod(join(directory, 'secret.txt'), 0);
    await expect(files.open('secret.txt', 'read')).rejects.toMatchObject({
      fact: 'may not be opened: no permission',
    });
  });
});

describe('the virtual files', () => {
  it('refuse a denied path', async () => {
    const files = new VirtualFiles({ 'a.txt': 'x' });
    files.deny('a.txt');
    await expect(files.open('a.txt', 'read')).rejects.toMatchObject({
      code: 'ERR_CONNECTOR_FILE',
      place: 'a.txt',
      fact: 'may not be opened: no permission',
    });
  });

  it('write what fits on a full disk, then fail', async () => {
    const files = new VirtualFiles({ other: '12345' });
    files.diskBytesMax = 8;
    const file = await files.open('a.txt', 'append');
    await expect(file.append(bytes('abcdef'))).rejects.toMatchObject({ retryable: true });
    expect(files.text('a.txt')).toBe('abc');
  });

  it('tear a write, give short reads and lose what was not synced', async () => {
    const files = new VirtualFiles();
    const file = await files.open('a.txt', 'append');
    await file.append(bytes('durable,'));
    await file.sync();
    files.fail('append', 'a.txt', 'EIO', { bytesFirst: 2 });
    await expect(file.append(bytes('torn'))).rejects.toMatchObject({ place: 'a.txt' });
    await file.append(bytes('more'));
    expect(files.text('a.txt')).toBe('durable,tomore');
    files.readBytesMax = 3;
    expect(await file.read(new Uint8Array(10), 0)).toBe(3);
    files.cutPower(1);
    expect(files.text('a.txt')).toBe('durable,t');
  });

  it('count the files left open', async () => {
    const files = new VirtualFiles({ 'a.txt': '' });
    const file = await files.open('a.txt', 'read');
    expect(files.openCount).toBe(1);
    await file.close();
    expect(files.openCount).toBe(0);
  });
});

// Node's own recursive mkdir spins there for ever.
it.skipIf(process.platform !== 'linux')(
  'refuse to make a directory where none can be',
  async () => {
    await expect(systemFiles(directory).makeDirectory('/proc/none/below')).rejects.toMatchObject({
      code: 'ERR_CONNECTOR_FILE',
    });
  },
);
