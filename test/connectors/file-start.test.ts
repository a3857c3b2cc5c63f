import { gzipSync, zstdCompressSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { Batch, schema } from '../../src/batch/index.ts';
import { fileSource, type FileSourceOptions } from '../../src/connectors/file.ts';
import type { Position } from '../../src/core/index.ts';
import { type VirtualOutside, virtualOutside } from '../../src/testing/outside.ts';
import { openSource } from './planned.ts';

const reading = schema({ n: 'float64', name: 'text?' });
const ndjson = Array.from({ length: 10 }, (_, n) => `{"n":${n}}\n`).join('');
const csv = 'name,n\n"a\n",0\n"b,",1\nc,2\n';

const files = {
  'a.ndjson': ndjson.replaceAll('}', ',"name":null}'),
  'a.csv': csv,
  'a.csv.gz': gzipSync(csv),
  'a.ndjson.zst': zstdCompressSync(ndjson.replaceAll('}', ',"name":null}')),
  'b.ndjson': '',
};

function prepare(): VirtualOutside {
  const outside = virtualOutside();
  for (const [path, content] of Object.entries(files)) outside.files.put(path, content);
  return outside;
}

type Options = Partial<FileSourceOptions<typeof reading.shape>> & { readonly path: string };

async function numbersFrom(options: Options, from?: Position): Promise<unknown[]> {
  const component = fileSource({ schema: reading, ...options });
  const { rows } = await openSource(component, { outside: prepare(), from });
  return (await rows()).map((row) => row['n']);
}

const textOf = (path: string): string => (path.includes('csv') ? csv : files['a.ndjson']);

describe('the file source starts at an offset', () => {
  it.each(['a.ndjson', 'a.csv', 'a.csv.gz', 'a.ndjson.zst'])(
    'of a record in %s, and at no other',
    async (path) => {
      const text = textOf(path);
      const whole = await numbersFrom({ path });
      // Behind each record, by what is before it: no line end within a quote is one.
      const lines = text.replaceAll('"a\n"', '"a_"').split('\n');
      const ends = new Map<number, number>([[0, 0]]);
      let offset = 0;
      for (const [at, line] of lines.slice(0, -1).entries()) {
        offset += line.length + 1;
        ends.set(offset, path.includes('csv') ? at : at + 1);
      }
      for (let start = 0; start <= text.length + 2; start++) {
        const given = numbersFrom({ path, start: { offset: start } });
        const before = ends.get(start);
        if (before !== undefined) expect(await given).toEqual(whole.slice(before));
        else {
          await expect(given).rejects.toMatchObject({
            code: 'ERR_CONFIG_INVALID',
            place: path,
            fact:
              start > text.length
                ? `is ${text.length} bytes long, less than ${start}`
                : `byte ${start} lies within a record`,
          });
        }
      }
    },
  );

  it('of one file, not of many', async () => {
    const given = numbersFrom({ path: '*.ndjson', start: { offset: 8 } });
    await expect(given).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
  });

  it('at a first run only', async () => {
    const outside = prepare();
    const component = fileSource({ path: 'a.csv', schema: reading, start: { offset: 14 } });
    const first = await openSource(component, { outside, limits: { rowsMax: 1 } });
    await first.connector.read(new AbortController().signal);
    const from = JSON.parse(JSON.stringify(first.connector.position())) as Position;
    await first.connector.close();
    const { rows } = await openSource(component, { outside, from });
    expect((await rows()).map((row) => row['n'])).toEqual([2]);
  });

  it.each([
    [{ start: 'end' }, 'start'],
    [{ start: 'middle' }, 'start'],
    [{ start: { offset: -1 } }, 'start'],
    [{ start: { offset: 1.5 } }, 'start'],
  ])('and refuses %j', (options, path) => {
    const parsed = fileSource.spec.options(z).safeParse({ path: 'a.ndjson', ...options });
    expect(parsed.error?.issues.map((issue) => issue.path[0])).toEqual([path]);
  });
});

describe('the file source that follows starts', () => {
  async function next(outside: VirtualOutside, options: Options, change: () => void) {
    const component = fileSource({ schema: reading, follow: true, ...options });
    const { connector } = await openSource(component, { outside });
    change();
    const given: unknown[] = [];
    for (;;) {
      const waiting = new AbortController();
      void outside.clock.sleep(3000).then(() => waiting.abort(new Error('quiet')));
      try {
        const batch = await connector.read(waiting.signal);
        if (!(batch instanceof Batch)) throw new Error('a source that follows has no end');
        given.push(...batch.toRows().map((row) => row['n']));
      } catch (error) {
        if ((error as Error).message !== 'quiet') throw error;
        break;
      }
    }
    await connector.close();
    return given;
  }

  const line = (n: number): string => `{"n":${n},"name":null}\n`;

  it('at the end of what is there, and reads all of what comes', async () => {
    const outside = prepare();
    const append = (path: string, text: string): void =>
      outside.files.rewrite(path, outside.files.text(path) + text);
    append('a.ndjson', '{"n":98,');
    const options = { path: '*.{ndjson,csv}', start: 'end' } as const;
    const given = await next(outside, options, () => {
      append('a.ndjson', `"name":null}\n${line(99)}`);
      append('b.ndjson', line(97));
      append('a.csv', 'z,96\n');
      outside.files.put('c.ndjson', line(95));
    });
    expect(given.sort()).toEqual([95, 96, 97, 98, 99]);
  });

  it('at the end of what is compressed', async () => {
    const outside = prepare();
    const options = { path: 'a.csv.gz', start: 'end' } as const;
    const given = await next(outside, options, () => {
      const before = outside.files.bytes('a.csv.gz');
      outside.files.rewrite('a.csv.gz', Buffer.concat([before, gzipSync('z,96\n')]));
    });
    expect(given).toEqual([96]);
  });

  it('at an offset', async () => {
    const outside = prepare();
    const offset = line(0).length * 8;
    const options = { path: 'a.ndjson', start: { offset } };
    expect(await next(outside, options, () => {})).toEqual([8, 9]);
  });
});
