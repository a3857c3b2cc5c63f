import { describe, expect, test } from 'vitest';

import { schema } from '../../src/batch/index.ts';
import { fileSink, fileSource } from '../../src/connectors/file.ts';
import { memorySink } from '../../src/connectors/memory.ts';
import type { FileHandle, Policy } from '../../src/core/index.ts';
import { pipeline } from '../../src/pipeline.ts';
import { hedge, retry, timeout } from '../../src/resilience/index.ts';
import { wrap } from '../../src/resilience/wrap.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';

const rowCount = 5000;
const values = Array.from({ length: rowCount }, (_, at) => at);
const shape = schema({ value: 'float64', pad: 'text' });
const input = values
  .map((value) => `{"value":${value},"pad":"${'x'.repeat(value % 90)}"}\n`)
  .join('');

/** A disk that stalls for ten seconds at every third thing that it is to do. */
function stalling(): VirtualOutside {
  const outside = virtualOutside();
  const { clock, files } = outside;
  const open = files.open.bind(files);
  let calls = 0;
  const stalled =
    <A extends unknown[], R>(call: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      if (++calls % 3 === 0) await clock.sleep(10_000);
      return call(...given);
    };
  files.open = async (path, mode) => {
    const handle: FileHandle = await open(path, mode);
    for (const name of ['read', 'append', 'truncate', 'sync'] as const) {
      handle[name] = stalled(handle[name].bind(handle) as () => Promise<never>) as never;
    }
    return handle;
  };
  return outside;
}

const settings = {
  batch: { rowsMax: 100 },
  checkpoint: { rowsMax: 500 },
  openMsMax: 600_000,
  closeMsMax: 600_000,
};

const policies: Readonly<Record<string, (outside: VirtualOutside) => Policy>> = {
  'a timeout': ({ clock, random }) =>
    wrap(
      retry({ maxAttempts: 100, baseDelayMs: 100, delayMsMax: 500, clock, random }),
      timeout({ timeoutMs: 1000, clock }),
    ),
  'a hedge': ({ clock }) => hedge({ afterMs: 1000, clock }),
};

describe.each(Object.entries(policies))(
  'where the disk stalls, and %s gives up or begins again',
  (_, policyOf) => {
    test('a file is read once, and whole', async () => {
      const outside = stalling();
      outside.files.put('in.ndjson', input);
      const sink = memorySink();
      const report = await pipeline('read', settings, { outside })
        .from(fileSource({ path: 'in.ndjson', schema: shape }), { policy: policyOf(outside) })
        .to(sink)
        .run();
      expect(report.status).toBe('done');
      expect(sink.rows.map(({ value }) => value)).toEqual(values);
    });

    test.each([
      'o.ndjson',
      'o.csv',
      'o.ndjson.gz',
      'o.csv.zst',
      'o.parquet',
      'o.arrow',
      'o.arrows',
    ])('%s has each row once', async (path) => {
      const outside = stalling();
      outside.files.put('in.ndjson', input);
      const report = await pipeline('write', settings, { outside })
        .from(fileSource({ path: 'in.ndjson', schema: shape }))
        .to(fileSink({ path }), { policy: policyOf(outside) })
        .run();
      expect(report.status).toBe('done');
      const sink = memorySink();
      await pipeline('again', {}, { outside: withFile(outside, path) })
        .from(fileSource({ path, schema: shape }))
        .to(sink)
        .run();
      expect(sink.rows.map(({ value }) => value)).toEqual(values);
    });
  },
);

/** The same file, on a disk that is well. */
function withFile({ files }: VirtualOutside, path: string): VirtualOutside {
  const outside = virtualOutside();
  outside.files.put(path, files.bytes(path));
  return outside;
}
