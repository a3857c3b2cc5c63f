import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { schema } from '../../src/batch/index.ts';
import { deadLetterFile, fileSink, fileSource } from '../../src/connectors/index.ts';
import { systemOutside } from '../../src/core/index.ts';
import { type SettingsInput, TypedPipelineBuilder } from '../../src/engine/index.ts';
import type { RunReport } from '../../src/observe/index.ts';

let directory = '';
const at = (name: string): string => join(directory, name);
const records = '{"n":1}\n{"n":2}\n';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-links-'));
  writeFileSync(at('in.ndjson'), records);
});
afterEach(() => rmSync(directory, { recursive: true }));

function copy(from: string, to: string, dead: string): Promise<RunReport> {
  return copyTo(from, at(to), at(dead));
}

function copyTo(from: string, to: string, dead: string): Promise<RunReport> {
  return new TypedPipelineBuilder('copy', {}, { outside: systemOutside() })
    .from(fileSource({ path: at(from), schema: schema({ n: 'float64' }) }))
    .to(fileSink({ path: to, format: 'ndjson' }))
    .deadLetters(deadLetterFile({ path: dead }))
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

  test.each([
    ['a directory that is not there yet', 'new/deep/out', 'again/new/deep/out'],
    ['a detour', 'out', 'none/../out'],
    ['a path from the root', 'out', '/out'],
  ])('that is not there yet is found by way of %s', async (_what, to, dead) => {
    symlinkSync('.', at('again'));
    const path = dead.startsWith('/') ? relative(process.cwd(), at(dead)) : dead;
    const paths = { to: at(to), dead: dead.startsWith('/') ? path : `${directory}/${dead}` };
    const run = copyTo('in.ndjson', paths.to, paths.dead);
    await expect(run).rejects.toThrow(/`dead-letters?` writes the file that `file-2` uses/);
  });

  test('that a source would find by its pattern once it is there', async () => {
    symlinkSync('.', at('again'));
    await expect(copy('*.ndjson', 'again/out.ndjson', 'dead')).rejects.toThrow(
      /`file-2` writes the file that `file` uses/,
    );
  });

  test('is none where two files have nothing in common', async () => {
    symlinkSync('.', at('again'));
    expect(await copy('in.ndjson', 'again/out', 'dead')).toMatchObject({ recordsOut: 2 });
  });
});

describe('the file of dead letters that no pipeline names', () => {
  const letters = (): string => at('state/millrace/copy/dead-letters.ndjson');
  const builder = (settings: SettingsInput = {}, name = 'copy'): TypedPipelineBuilder =>
    new TypedPipelineBuilder(name, settings, {
      outside: systemOutside(),
      deadLetters: deadLetterFile(),
    });

  beforeEach(() => {
    vi.stubEnv('XDG_STATE_HOME', at('state'));
    mkdirSync(dirname(letters()), { recursive: true });
    writeFileSync(letters(), records);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('is not written by a sink, nor read while it is written', async () => {
    symlinkSync(letters(), at('link.ndjson'));
    for (const path of [letters(), at('link.ndjson')]) {
      const run = builder()
        .from(fileSource({ path: at('in.ndjson') }))
        .to(fileSink({ path }))
        .run();
      await expect(run).rejects.toThrow('`dead-letters` writes the file that `file-2` uses');
      const read = builder()
        .from(fileSource({ path }))
        .to(fileSink({ path: at('out.csv') }))
        .run();
      await expect(read).rejects.toThrow('`dead-letters` writes the file that `file` uses');
    }
    expect(readFileSync(letters(), 'utf8')).toBe(records);
  });

  test('may be read where nothing goes to it', async () => {
    for (const [settings, name] of [
      [{ onRowError: 'drop' }, 'copy'],
      [{}, 'other'],
    ] as const) {
      const report = await builder(settings, name)
        .from(fileSource({ path: letters() }))
        .to(fileSink({ path: at('out.csv') }))
        .run();
      expect(report.recordsOut).toBe(2);
    }
  });

  test('has a directory that the name of the pipeline can be that of', async () => {
    const plan = builder({}, '../copy')
      .from(fileSource({ path: at('in.ndjson') }))
      .to(fileSink({ path: at('out.csv') }))
      .plan();
    await expect(plan).rejects.toThrow('a pipeline cannot be named "../copy"');
  });
});
