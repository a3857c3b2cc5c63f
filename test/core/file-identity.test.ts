import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { fileIdentity, namesFile } from '../../src/core/file-identity.ts';
import { type Files, systemFiles } from '../../src/core/index.ts';

describe('what names a file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-'));
  for (const name of ['a.csv', 'b.csv']) writeFileSync(join(directory, name), name);
  const looked: string[] = [];
  const system = systemFiles(directory);
  const files: Files = {
    ...system,
    match: (pattern) => {
      looked.push(pattern);
      return system.match(pattern);
    },
  };
  const names = async (pattern: string, path: string): Promise<boolean> =>
    namesFile(files, pattern, path, (await fileIdentity(files, path))!);

  test('a path names the file that is there, and no directory is searched for it', async () => {
    expect(await names('a.csv', join(directory, 'a.csv'))).toBe(true);
    expect(await names('a.csv', 'b.csv')).toBe(false);
    expect(await names('later.csv', join(directory, 'later.csv'))).toBe(true);
    expect(looked).toEqual([]);
  });

  test('a pattern names those that it matches, also later', async () => {
    expect(await names('*.csv', 'b.csv')).toBe(true);
    expect(await names('*.csv', 'later.csv')).toBe(true);
    expect(await names('*.csv', 'later.json')).toBe(false);
    expect(looked).not.toEqual([]);
  });
});
