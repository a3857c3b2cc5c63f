import { linkSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { schema } from '../../src/batch/index.ts';
import { deadLetterFile, fileSink, fileSource } from '../../src/connectors/index.ts';
import { systemOutside } from '../../src/core/index.ts';
import { type RunReport, TypedPipelineBuilder } from '../../src/engine/index.ts';

let directory = '';
const at = (name: string): string => join(directory, name);
const records = '{"n":1}\n{"n":2}\n';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-links-'));
  writeFileSync(at('in.ndjson'), records);
});
afterEach(() => rmSync(directory, { recursive: true }));

function copy(from: string, to: string, dead: string): Promise<RunReport> {
  return new TypedPipelineBuilder('copy', {}, { outside: systemOutside() })
    .from(fileSource({ path: at(from), schema: schema({ n: 'float64' }) }))
    .to(fileSink({ path: at(to), format: 'ndjson' }))
    .deadLetters(deadLetterFile({ path: at(dead) }))
    .run();
}

describe('a file under two names', () => {
  test.each([
    ['a symbolic link', () => symlinkSync('in.ndjson', at('link')), 'link'],
    ['a hard link', () => linkSync(at('in.ndjson'), at('link')), 'link'],
    ['a linked directory', () => symlinkSync('.', at('again')), 'again/in.ndjson'],
  ])('is not written over by way of %s', async (_what, link, name) => {
    link();
    await expect(copy('in.ndjson', name, 'dead')).rejects.toThrow(
      /`file-2` writes the file that `file` uses/,
    );
    await expect(copy('*.ndjson', name, 'dead')).rejects.toThrow(/`file-2` writes the file/);
    await expect(copy('in.ndjson', 'out', name)).rejects.toThrow(
      /`dead-letters?` writes the file that `file` uses/,
    );
    expect(readFileSync(at('in.ndjson'), 'utf8')).toBe(records);
  });

  test('that is not there yet is found by its directory', async () => {
    symlinkSync('.', at('again'));
    await expect(copy('in.ndjson', 'out', 'again/out')).rejects.toThrow(
      /writes the file that `file-2` uses/,
    );
  });

  test('is none where two files have nothing in common', async () => {
    symlinkSync('.', at('again'));
    expect(await copy('in.ndjson', 'again/out', 'dead')).toMatchObject({ recordsOut: 2 });
  });
});
