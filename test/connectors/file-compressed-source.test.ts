import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  crc32,
  createGzip,
  deflateRawSync,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  constants,
} from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { schema } from '../../src/batch/index.ts';
import { fileSource, type FileSourceOptions } from '../../src/connectors/file.ts';
import { endOfInput, type Position } from '../../src/core/index.ts';
import { type VirtualOutside, virtualOutside } from '../../src/testing/outside.ts';
import { openSource, type PlannedSource } from './planned.ts';

const reading = schema({ n: 'float64', name: 'text' });
const lineOf = (n: number): string => `{"n":${n},"name":"row ${n}"}\n`;
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);
const linesOf = (from: number, to: number): string => range(from, to).map(lineOf).join('');
const numbersOf = (rows: readonly Record<string, unknown>[]): unknown[] =>
  rows.map((row) => row['n']);

const compress = {
  gz: (text: string | Uint8Array): Buffer => gzipSync(text),
  zst: (text: string | Uint8Array): Buffer =>
    zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
};
const kinds = ['gz', 'zst'] as const;

function holding(contents: Record<string, string | Uint8Array>): VirtualOutside {
  const outside = virtualOutside();
  for (const [path, content] of Object.entries(contents)) outside.files.put(path, content);
  return outside;
}

interface Job {
  readonly path?: string;
  readonly from?: Position;
  readonly rowsMax?: number;
  readonly readBytesMax?: number;
  readonly options?: Partial<FileSourceOptions<typeof reading.shape>>;
}

function open(
  bytes: Uint8Array,
  { path = 'in.ndjson.gz', from, rowsMax = 4096, readBytesMax = Infinity, options }: Job = {},
): Promise<PlannedSource> {
  const outside = holding({ [path]: bytes });
  outside.files.readBytesMax = readBytesMax;
  const component = fileSource({ path, schema: reading, ...options });
  return openSource(component, { outside, from, limits: { rowsMax } });
}

async function numbersIn(bytes: Uint8Array, job: Job = {}): Promise<unknown[]> {
  return numbersOf(await (await open(bytes, job)).rows());
}

/** Positions, as JSON, and how many rows come before each. */
async function positionsIn(
  { connector }: PlannedSource,
  read = 0,
): Promise<{ position: Position; read: number }[]> {
  const signal = new AbortController().signal;
  const positions = [];
  for (let rows = read; ;) {
    positions.push({
      position: JSON.parse(JSON.stringify(connector.position())) as Position,
      read: rows,
    });
    const batch = await connector.read(signal);
    if (batch === endOfInput) break;
    rows += batch.length;
    batch.release();
  }
  await connector.close();
  return positions;
}

describe('the file source reads what is compressed', () => {
  it.each([
    ['in.ndjson.gz', 'gz', {}],
    ['in.jsonl.zst', 'zst', {}],
    ['IN.NDJSON.GZ', 'gz', {}],
    ['in.log', 'gz', { format: 'ndjson', compression: 'gzip' }],
    ['in.gz', 'gz', { format: 'ndjson' }],
    ['in.ndjson', 'zst', { compression: 'zstd' }],
  ] as const)('%s', async (path, kind, options) => {
    const source = await open(compress[kind](linesOf(0, 5)), { path, options });
    expect(numbersOf(await source.rows())).toEqual([0, 1, 2, 3, 4]);
    expect(source.logged).toEqual([]);
    expect(source.tally.bytes).toBe(linesOf(0, 5).length);
  });

  it('plain where it is told so, whatever the name', async () => {
    const options = { compression: 'none' } as const;
    expect(await numbersIn(Buffer.from(lineOf(1)), { options })).toEqual([1]);
  });

  it.each(kinds)('a CSV by its header, and finds its schema (%s)', async (kind) => {
    const path = `in.csv.${kind}`;
    const outside = holding({ [path]: compress[kind]('n,name\n1,a\n2,"b\nc"\n') });
    const { output, rows } = await openSource(fileSource({ path }), { outside });
    expect(output.toJSON()).toEqual({ n: 'float64', name: 'text' });
    expect(await rows()).toEqual([
      { n: 1, name: 'a' },
      { n: 2, name: 'b\nc' },
    ]);
    expect(outside.files.openCount).toBe(0);
  });

  it.each(kinds)('nothing of an empty %s file, and of one that holds nothing', async (kind) => {
    const path = `in.ndjson.${kind}`;
    for (const bytes of [Buffer.alloc(0), compress[kind]('')]) {
      const source = await open(bytes, { path });
      expect(await source.rows()).toEqual([]);
      expect(source.logged).toEqual([]);
    }
  });

  it.each(kinds)('many %s streams in one file, a record across two of them too', async (kind) => {
    const text = linesOf(0, 300);
    const parts = range(0, 30).map((n) =>
      text.slice(n * 250, n === 29 ? undefined : n * 250 + 250),
    );
    const bytes = Buffer.concat(parts.map((part) => compress[kind](part)));
    for (const readBytesMax of [1, 2, 7, 100, Infinity]) {
      const path = `in.ndjson.${kind}`;
      expect(await numbersIn(bytes, { path, readBytesMax })).toEqual(range(0, 300));
    }
  });

  it.each(kinds)('more than any buffer holds (%s)', async (kind) => {
    const bytes = compress[kind](linesOf(0, 60_000));
    expect(await numbersIn(bytes, { path: `in.ndjson.${kind}` })).toEqual(range(0, 60_000));
  });

  it.each([
    ['gzip', ['-c', '-9']],
    ['zstd', ['-q', '-c', '-19', '--long=27']],
    ['zstd', ['-q', '-c', '--no-check', '--no-content-size']],
  ] as const)('what %s writes with %j', async (program, args) => {
    const run = spawnSync(program, args, { input: linesOf(0, 5000) });
    if (run.error !== undefined) return;
    const path = program === 'gzip' ? 'in.ndjson.gz' : 'in.ndjson.zst';
    expect(await numbersIn(run.stdout, { path })).toEqual(range(0, 5000));
  });

  it('gzip with every part that a header can have', async () => {
    const body = deflateRawSync(lineOf(1));
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(crc32(lineOf(1)));
    trailer.writeUInt32LE(lineOf(1).length, 4);
    const header = [0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 1, 2, 3, 4, 0, 3, 3, 0, 7, 8, 9];
    const named = Buffer.concat([
      Buffer.from(header),
      Buffer.from('name\0comment\0'),
      Buffer.from([1, 2]),
      body,
      trailer,
    ]);
    for (const readBytesMax of [1, Infinity]) {
      expect(await numbersIn(Buffer.concat([named, named]), { readBytesMax })).toEqual([1, 1]);
    }
  });

  it('zstd frames with others between them that are to be skipped', async () => {
    const skipped = Buffer.concat([
      Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0]),
      Buffer.alloc(5, 1),
    ]);
    const frame = compress.zst(lineOf(1));
    const bytes = Buffer.concat([skipped, frame, skipped, skipped, frame, skipped]);
    for (const readBytesMax of [1, Infinity]) {
      const source = await open(bytes, { path: 'in.ndjson.zst', readBytesMax });
      expect(numbersOf(await source.rows())).toEqual([1, 1]);
      expect(source.logged).toEqual([]);
    }
  });

  it.each(kinds)('and knows what is left of a %s file', async (kind) => {
    const bytes = compress[kind](linesOf(0, 10));
    const { connector } = await open(bytes, { path: `in.ndjson.${kind}` });
    expect(connector.lag!()).toEqual({ value: bytes.length, unit: 'bytes' });
    while ((await connector.read(new AbortController().signal)) !== endOfInput);
    expect(connector.lag!()).toEqual({ value: 0, unit: 'bytes' });
    await connector.close();
  });
});

describe('the file source resumes in what is compressed', () => {
  it.each(kinds)('at every position of a %s file', async (kind) => {
    const path = `in.ndjson.${kind}`;
    const bytes = Buffer.concat([compress[kind](linesOf(0, 33)), compress[kind](linesOf(33, 80))]);
    const outside = holding({ [path]: bytes });
    const component = fileSource({ path, schema: reading });
    const whole = await openSource(component, { outside, limits: { rowsMax: 3 } });
    for (const { position, read } of await positionsIn(whole)) {
      const { rows, logged } = await openSource(component, { outside, from: position });
      expect(numbersOf(await rows())).toEqual(range(read, 80));
      expect(logged).toEqual([]);
    }
  });

  it('behind the header of a CSV', async () => {
    const outside = holding({ 'in.csv.gz': gzipSync('name,n\na,1\nb,2\nc,3\n') });
    const component = fileSource({ path: 'in.csv.gz', schema: reading });
    const whole = await openSource(component, { outside, limits: { rowsMax: 1 } });
    for (const { position, read } of await positionsIn(whole)) {
      const { rows } = await openSource(component, { outside, from: position });
      expect(numbersOf(await rows())).toEqual([1, 2, 3].slice(read));
    }
  });

  it.each([
    ['begins otherwise', linesOf(50, 90), 'its beginning has changed'],
    ['holds less than was read', linesOf(0, 2), 'it is shorter than what was read of it'],
  ])('from the start, and says so, a file that %s', async (_what, text, reason) => {
    // Short enough that all of it is in the head.
    const long = `{"n":0,"name":"${'x'.repeat(2000)}"}\n`;
    const first = reason.startsWith('it is shorter') ? long : '';
    const outside = holding({ 'in.ndjson.gz': gzipSync(first + linesOf(0, 40)) });
    const component = fileSource({ path: 'in.ndjson.gz', schema: reading });
    const positions = await positionsIn(await openSource(component, { outside }));
    outside.files.rewrite('in.ndjson.gz', gzipSync(first + text));
    const { rows, logged } = await openSource(component, {
      outside,
      from: positions.at(-1)!.position,
    });
    expect(await rows()).toHaveLength((first + text).split('\n').length - 1);
    expect(logged).toMatchObject([{ event: 'file.replaced', fields: { reason } }]);
  });
});

describe('the file source, where a compressed file is cut short,', () => {
  const text = linesOf(0, 12);
  it.each([
    ['gz', gzipSync(text)],
    ['zst', compress.zst(text)],
    ['gz', Buffer.concat([gzipSync(linesOf(0, 5)), gzipSync(linesOf(5, 12))])],
    ['zst', Buffer.concat([compress.zst(linesOf(0, 5)), compress.zst(linesOf(5, 12))])],
  ] as const)('reads every whole record before the cut, at each byte (%s)', async (kind, bytes) => {
    const path = `in.ndjson.${kind}`;
    const component = fileSource({ path, schema: reading });
    let most = 0;
    for (let cut = 1; cut < bytes.length; cut++) {
      const outside = holding({ [path]: bytes.subarray(0, cut) });
      outside.files.readBytesMax = cut % 3 === 0 ? 5 : Infinity;
      const source = await openSource(component, { outside });
      const positions = await positionsIn(source);
      const { read, position } = positions.at(-1)!;
      const event = {
        level: 'warning',
        event: 'source.truncated',
        fields: { path, sizeBytes: cut },
      };
      // Between two streams nothing shows that more was to come.
      const isBetween = source.logged.length === 0;
      if (isBetween) expect(read).toBe(5);
      else expect(source.logged).toEqual([event]);
      expect(read).toBeGreaterThanOrEqual(most);
      most = Math.max(most, read);
      expect(source.tally.dead).toBe(0);
      // It is not done: once the rest is there, a later run gives that, and nothing twice.
      outside.files.rewrite(path, bytes);
      const rest = await openSource(component, { outside, from: position });
      expect(numbersOf(await rest.rows()), `cut at ${cut}`).toEqual(range(read, 12));
    }
    expect(most).toBe(12);
  });

  it('gives what zlib can make of it', async () => {
    const many = linesOf(0, 5000);
    const bytes = gzipSync(many);
    for (const cut of [1000, 5000, 10_000]) {
      const part = gunzipSync(bytes.subarray(0, cut), { finishFlush: constants.Z_SYNC_FLUSH });
      const whole = part.toString().split('\n').length - 1;
      expect(await numbersIn(bytes.subarray(0, cut))).toEqual(range(0, whole));
    }
  });

  it('goes on with the next file', async () => {
    const bytes = gzipSync(linesOf(0, 5));
    const outside = holding({
      'a.ndjson.gz': bytes.subarray(0, bytes.length - 1),
      'b.ndjson.gz': gzipSync(linesOf(5, 7)),
    });
    const component = fileSource({ path: '*.ndjson.gz', schema: reading });
    const { rows, logged } = await openSource(component, { outside });
    expect(numbersOf(await rows())).toEqual(range(0, 7));
    expect(logged).toMatchObject([{ event: 'source.truncated', fields: { path: 'a.ndjson.gz' } }]);
    expect(outside.files.openCount).toBe(0);
  });
});

describe('the file source, where compressed data are damaged,', () => {
  async function failure(bytes: Uint8Array, path: string): Promise<unknown> {
    const outside = holding({ [path]: bytes });
    try {
      const source = await openSource(fileSource({ path, schema: reading }), { outside });
      try {
        return { rows: numbersOf(await source.rows()), logged: source.logged };
      } finally {
        await source.connector.close();
      }
    } catch (error) {
      expect(outside.files.openCount).toBe(0);
      return error;
    }
  }

  it('names the file, the stream and the fault', async () => {
    const sound = gzipSync(linesOf(0, 5));
    const checksum = Buffer.from(sound);
    checksum[checksum.length - 8]! ^= 1;
    const size = Buffer.from(sound);
    size[size.length - 1]! ^= 1;
    const where = `is damaged in the compressed stream that begins at byte ${sound.length}: `;
    for (const [bytes, fact] of [
      [checksum, 'its checksum is not that of its data'],
      [size, 'its length is not that of its data'],
    ] as const) {
      expect(await failure(Buffer.concat([sound, bytes]), 'in.ndjson.gz')).toMatchObject({
        code: 'ERR_CONNECTOR_FILE',
        place: 'in.ndjson.gz',
        fact: where + fact,
        retryable: false,
      });
    }
  });

  it.each(kinds)('never gives wrong rows for one flipped bit of a %s file', async (kind) => {
    const sound = compress[kind](linesOf(0, 20));
    const path = `in.ndjson.${kind}`;
    let failures = 0;
    for (let bit = 0; bit < sound.length * 8; bit += 3) {
      const bytes = Buffer.from(sound);
      bytes[bit >>> 3]! ^= 1 << (bit & 7);
      const ended = await failure(bytes, path);
      if (ended instanceof Error) {
        failures++;
        expect(ended).toMatchObject({ code: 'ERR_CONNECTOR_FILE', place: path });
        continue;
      }
      // In the header there are bits that say nothing of the data.
      const { rows, logged } = ended as { rows: number[]; logged: unknown[] };
      expect(rows).toEqual(range(0, rows.length));
      if (rows.length < 20) expect(logged).not.toEqual([]);
    }
    expect(failures).toBeGreaterThan(sound.length);
  });

  it.each(kinds)(
    'tells bytes behind the last %s stream, and reads what is before',
    async (kind) => {
      const path = `in.ndjson.${kind}`;
      const bytes = Buffer.concat([compress[kind](linesOf(0, 3)), Buffer.from('\0\0hello')]);
      for (const readBytesMax of [1, Infinity]) {
        const source = await open(bytes, { path, readBytesMax });
        expect(numbersOf(await source.rows())).toEqual([0, 1, 2]);
        expect(source.logged).toEqual([
          { level: 'warning', event: 'source.garbage', fields: { path, garbageBytes: 5 } },
        ]);
      }
    },
  );

  it.each(kinds)('takes zeros behind a %s stream for padding', async (kind) => {
    const path = `in.ndjson.${kind}`;
    const bytes = Buffer.concat([compress[kind](linesOf(0, 3)), Buffer.alloc(1000)]);
    const source = await open(bytes, { path });
    expect(numbersOf(await source.rows())).toEqual([0, 1, 2]);
    expect(source.logged).toEqual([]);
  });
});

describe('the file source refuses at the start', () => {
  it.each([
    ['in.ndjson.gz', Buffer.from(lineOf(1)), /^does not begin as a compressed file does$/],
    ['in.csv.zst', Buffer.from('n,name\n'), /^does not begin as a compressed file does$/],
    ['in.ndjson', gzipSync(lineOf(1)), /^is compressed with gzip, which its name does not tell$/],
    ['in.csv', compress.zst('n\n'), /^is compressed with zstd, which its name does not tell$/],
  ])('%s where it holds something else', async (path, bytes, fact) => {
    const outside = holding({ [path]: bytes });
    await expect(
      openSource(fileSource({ path, schema: reading }), { outside }),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(CONNECTOR_FILE|CODEC_FORMAT)$/) as string,
      place: path,
      fact: expect.stringMatching(fact) as string,
    });
    expect(outside.files.openCount).toBe(0);
  });
});

describe('the file source takes bounded memory', () => {
  /** Zeros, as gzip makes 1,028 times less of them, between two records. */
  async function bomb(bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    const gzip = createGzip({ level: 9 });
    gzip.on('data', (part: Buffer) => parts.push(part));
    const write = (part: Uint8Array | string): Promise<void> =>
      new Promise((resolve) => gzip.write(part, () => resolve()));
    await write(lineOf(0));
    const zeros = Buffer.alloc(1_048_576);
    for (let written = 0; written < bytes; written += zeros.length) await write(zeros);
    await write(`\n${lineOf(1)}`);
    gzip.end();
    await once(gzip, 'end');
    return Buffer.concat(parts);
  }

  it('for a byte that stands for a thousand', async () => {
    const size = 300 * 1_048_576;
    const bytes = await bomb(size);
    expect(size / bytes.length).toBeGreaterThan(1000);
    const { connector, tally } = await open(bytes);
    const { rss } = process.memoryUsage();
    let [rows, highest] = [0, 0];
    for (;;) {
      const batch = await connector.read(new AbortController().signal);
      if (batch === endOfInput) break;
      rows += batch.length;
      highest = Math.max(highest, process.memoryUsage().rss);
    }
    expect(rows).toBe(2);
    expect(tally.failures).toMatchObject([{ reason: 'record.size', recordBytes: size }]);
    expect(highest - rss).toBeLessThan(64e6);
    await connector.close();
  });
});
