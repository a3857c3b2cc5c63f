import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { describe, expect, test } from 'vitest';

import { temporaryDirectory } from './millrace.ts';

const bin = join(import.meta.dirname, '../../bin/millrace.cjs');
const isRoot = process.getuid?.() === 0;

/** Starts the program as a user does; it is to work whatever becomes of the cache. */
function start(env: Readonly<Record<string, string>>): void {
  const { PATH } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, 'list'], {
    encoding: 'utf8',
    env: { PATH, ...env },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('threshold');
}

describe('what Node has compiled', () => {
  test('is kept for the next start, where only the user may write', () => {
    const home = temporaryDirectory();
    start({ HOME: home });
    const caches = join(home, '.cache', 'millrace');
    // Node puts a directory for each of its versions there: they are not among what else is kept.
    expect(readdirSync(caches)).toEqual(['compile']);
    const directory = join(caches, 'compile');
    for (const one of [caches, directory]) expect(statSync(one).mode & 0o777).toBe(0o700);
    const [version] = readdirSync(directory);
    const files = readdirSync(join(directory, version!));
    expect(files.length).toBeGreaterThan(10);
    start({ HOME: home });
    expect(readdirSync(join(directory, version!))).toHaveLength(files.length);
  });

  test('is kept in `XDG_CACHE_HOME`, unless it is a relative path', () => {
    const [home, cache] = [temporaryDirectory(), temporaryDirectory()];
    start({ HOME: home, XDG_CACHE_HOME: cache });
    expect(readdirSync(join(cache, 'millrace', 'compile'))).toHaveLength(1);
    expect(readdirSync(home)).toEqual([]);
    start({ HOME: home, XDG_CACHE_HOME: 'cache' });
    expect(readdirSync(home)).toEqual(['.cache']);
  });

  test('is not kept where that is turned off, and where the user says if they do', () => {
    const [home, own] = [temporaryDirectory(), temporaryDirectory()];
    start({ HOME: home, NODE_DISABLE_COMPILE_CACHE: '1' });
    start({ HOME: home, NODE_COMPILE_CACHE: own });
    expect(readdirSync(home)).toEqual([]);
    expect(readdirSync(own)).toHaveLength(1);
  });

  test('is not kept where others may write, nor behind a link', () => {
    const [open, linked] = [temporaryDirectory(), temporaryDirectory()];
    mkdirSync(join(open, 'millrace'));
    chmodSync(join(open, 'millrace'), 0o777);
    start({ HOME: '/', XDG_CACHE_HOME: open });
    expect(readdirSync(join(open, 'millrace'))).toEqual([]);
    const elsewhere = temporaryDirectory();
    symlinkSync(elsewhere, join(linked, 'millrace'));
    start({ HOME: '/', XDG_CACHE_HOME: linked });
    expect(readdirSync(elsewhere)).toEqual([]);
    const inside = temporaryDirectory();
    mkdirSync(join(inside, 'millrace'));
    symlinkSync(elsewhere, join(inside, 'millrace', 'compile'));
    start({ HOME: '/', XDG_CACHE_HOME: inside });
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test.skipIf(isRoot)('is not kept where nothing can be written', () => {
    const cache = temporaryDirectory();
    chmodSync(cache, 0o500);
    start({ HOME: '/', XDG_CACHE_HOME: cache });
    expect(existsSync(join(cache, 'millrace'))).toBe(false);
  });

  test('is not kept where there is no directory to make', () => {
    start({ HOME: '/', XDG_CACHE_HOME: '/dev/null' });
  });
});
