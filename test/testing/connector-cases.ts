import { Writable } from 'node:stream';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';

import { deadLetterFile } from '../../src/connectors/index.ts';
import {
  consoleSink,
  fileSink,
  fileSource,
  hostSource,
  intervalSource,
  memorySink,
  memorySource,
  simulateSource,
  stdinSource,
  stdoutSink,
} from '../../src/connectors/index.ts';
import { StreamSource } from '../../src/connectors/stdin/stream-source.ts';
import { StreamSink } from '../../src/connectors/stdout/stream-sink.ts';
import { Batch, schema } from '../../src/batch/index.ts';
import {
  deadLetterSchema,
  defineSink,
  defineSource,
  type Outside,
  type SinkComponent,
  type SourceComponent,
  systemFiles,
} from '../../src/core/index.ts';
import {
  type SinkCase,
  type SourceCase,
  VirtualFiles,
  virtualOutside,
} from '../../src/testing/index.ts';

const readings = schema({ sensorId: 'category', value: 'float64', label: 'text?' });

const records = Array.from({ length: 30 }, (_, at) => ({
  sensorId: ['a', 'b', 'c'][at % 3]!,
  value: at / 4 - 3,
  label: at % 5 === 2 ? null : `label, "${at}"`,
}));

const ndjson = records.map((record) => `${JSON.stringify(record)}\n`).join('');
const broken = '{"sensorId":"a","value":\n{"sensorId":"a","value":"high"}\n\n';

function withFiles(contents: Readonly<Record<string, string | Uint8Array>>): Outside {
  return { ...virtualOutside(), files: new VirtualFiles(contents) };
}

function ofFiles(
  contents: Readonly<Record<string, string | Uint8Array>>,
  path: string,
): SourceCase['prepare'] {
  return () => ({
    component: fileSource({ path, schema: readings }) as SourceComponent,
    outside: withFiles(contents),
  });
}

const takesTime = 'its rows say when they were made';

export const sourceCases: Readonly<Record<string, readonly SourceCase[]>> = {
  file: [
    {
      name: 'of NDJSON',
      prepare: ofFiles({ '/a.ndjson': ndjson }, '/a.ndjson'),
      expected: records,
    },
    {
      name: 'of two files with faults',
      prepare: ofFiles({ '/1.ndjson': ndjson + broken, '/2.ndjson': broken + ndjson }, '/*.ndjson'),
      expected: [...records, ...records],
      failed: 4,
    },
    {
      name: 'of CSV',
      prepare: ofFiles({ '/a.csv': 'sensorId,value,label\na,1,x\nb,2,\nc,3,"y\nz"\n' }, '/a.csv'),
      expected: [
        { sensorId: 'a', value: 1, label: 'x' },
        { sensorId: 'b', value: 2, label: null },
        { sensorId: 'c', value: 3, label: 'y\nz' },
      ],
    },
    { name: 'of nothing', prepare: ofFiles({ '/a.ndjson': '' }, '/a.ndjson'), expected: [] },
    {
      name: 'that is followed',
      prepare: () => ({
        component: fileSource({
          path: '/1.ndjson',
          schema: readings,
          follow: true,
        }) as SourceComponent,
        outside: withFiles({ '/1.ndjson': broken + ndjson }),
      }),
      expected: records,
      failed: 2,
      rowsMax: records.length,
    },
    {
      name: 'of gzip and zstd',
      prepare: ofFiles(
        { '/1.ndjson.gz': gzipSync(ndjson + broken), '/2.ndjson.zst': zstdCompressSync(ndjson) },
        '/*.ndjson.*',
      ),
      expected: [...records, ...records],
      failed: 2,
    },
  ],
  host: [
    {
      name: 'of this machine',
      prepare: () => ({
        component: hostSource({ everyMs: 100, count: 3 }) as SourceComponent,
        outside: { ...virtualOutside(), files: systemFiles() },
      }),
      skips: { 'goes on from each of its positions': takesTime },
    },
  ],
  interval: [
    {
      name: 'that ends',
      prepare: () => ({ component: intervalSource({ everyMs: 50, count: 20 }) as SourceComponent }),
      skips: { 'goes on from each of its positions': takesTime },
    },
    {
      name: 'without end',
      prepare: () => ({ component: intervalSource({ everyMs: 500 }) as SourceComponent }),
      rowsMax: 20,
      skips: { 'goes on from each of its positions': takesTime },
    },
  ],
  memory: [
    {
      name: 'of records',
      prepare: () => ({
        component: memorySource({ schema: readings, rows: records }) as SourceComponent,
      }),
      expected: records,
    },
    {
      name: 'of records that do not fit',
      prepare: () => ({
        component: memorySource({
          schema: readings,
          rows: [records[0]!, { sensorId: 'a' } as never, records[1]!],
        }) as SourceComponent,
      }),
      expected: records.slice(0, 2),
      failed: 1,
    },
    {
      name: 'of batches',
      prepare: () => ({
        component: memorySource({
          schema: readings,
          batches: [
            Batch.from(records.slice(0, 9), readings),
            Batch.from(records.slice(9), readings),
          ],
        }) as SourceComponent,
      }),
      expected: records,
      skips: {
        'gives batches of the schema that it promises':
          'its batches have another holder, who gave them',
        'keeps to the limits of a batch': 'it gives the batches that it was given',
      },
    },
  ],
  simulate: [
    {
      name: 'by its own time',
      prepare: () => ({
        component: simulateSource({ sensors: 3, count: 60, realTime: false }) as SourceComponent,
      }),
    },
    {
      name: 'as time passes',
      prepare: () => ({
        component: simulateSource({ sensors: 3, everyMs: 200 }) as SourceComponent,
      }),
      rowsMax: 40,
      skips: { 'goes on from each of its positions': takesTime },
    },
  ],
  stdin: [
    {
      name: 'of NDJSON',
      prepare: () => ({ component: standardInput(ndjson + broken) }),
      expected: records,
      failed: 2,
      skips: { 'goes on from each of its positions': 'standard input cannot be read again' },
    },
  ],
};

/** The stdin source, on a stream of its own instead of the process's. */
function standardInput(text: string): SourceComponent {
  const chunks = text.match(/[^]{1,100}/g)!.map((chunk) => Buffer.from(chunk));
  const define = defineSource<(options: object) => SourceComponent, never>({
    ...stdinSource.spec,
    create: (options, context) => new StreamSource(() => arrive(chunks), options, context),
  });
  return define({ schema: readings });
}

async function* arrive(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

const asRecords = (text: string): Readonly<Record<string, unknown>>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

function ofFile(path: string, options: object, before = ''): SinkCase['prepare'] {
  return () => {
    const files = new VirtualFiles(before === '' ? {} : { [path]: before });
    return {
      component: fileSink({ path, ...options }) as SinkComponent<never>,
      outside: { ...virtualOutside(), files },
      stored: () => {
        files.cutPower();
        return asRecords(files.text(path).slice(before.length));
      },
    };
  };
}

function ofGzip(path: string): SinkCase['prepare'] {
  return () => {
    const files = new VirtualFiles();
    return {
      component: fileSink({ path }) as SinkComponent<never>,
      outside: { ...virtualOutside(), files },
      stored: () => {
        files.cutPower();
        return asRecords(gunzipSync(files.bytes(path)).toString());
      },
    };
  };
}

const letters = Array.from({ length: 8 }, (_, at) => ({
  time: 1_700_000_000_000 + at,
  pipeline: 'p',
  component: 'source',
  source: 'file',
  partition: '/a',
  position: at,
  recordId: at % 2 === 0 ? null : `id-${at}`,
  reason: 'field.type',
  message: 'no',
  record: '{}',
  recordEncoding: 'utf8',
  recordBytes: 2,
  recordSha256: null,
}));

export const sinkCases: Readonly<Record<string, readonly SinkCase[]>> = {
  console: [
    {
      name: 'that shows nothing',
      input: readings,
      records,
      prepare: () => ({
        component: consoleSink({ limit: 0 }) as SinkComponent<never>,
        stored: () => [],
      }),
      asStored: () => undefined,
      skips: {
        'has everything in its store after a commit': 'it shows rows and keeps none',
        'takes only the rows that are selected': 'it shows rows and keeps none',
        'takes nulls': 'it shows rows and keeps none',
        'takes an empty batch': 'it shows rows and keeps none',
      },
    },
  ],
  'dead-letter-file': [
    {
      name: 'of its own',
      input: deadLetterSchema,
      records: letters,
      asStored: ({ time, ...rest }) => ({ time: new Date(time as number).toISOString(), ...rest }),
      prepare: () => {
        const files = new VirtualFiles();
        return {
          component: deadLetterFile({ path: '/dead.ndjson' }) as SinkComponent<never>,
          outside: { ...virtualOutside(), files },
          stored: () => {
            files.cutPower();
            return asRecords(files.text('/dead.ndjson'));
          },
        };
      },
    },
  ],
  file: [
    { name: 'of NDJSON', input: readings, records, prepare: ofFile('/out.ndjson', {}) },
    { name: 'of gzip', input: readings, records, prepare: ofGzip('/out.ndjson.gz') },
    {
      name: 'that is added to',
      input: readings,
      records,
      prepare: ofFile('/out.ndjson', { mode: 'append' }, '{"sensorId":"z","value":0,"label":""}\n'),
    },
  ],
  memory: [
    {
      name: 'without a limit',
      input: readings,
      records,
      prepare: () => {
        const sink = memorySink();
        return { component: sink as SinkComponent<never>, stored: () => sink.committed };
      },
    },
  ],
  stdout: [
    {
      name: 'of NDJSON',
      input: readings,
      records,
      prepare: () => {
        let text = '';
        const stream = new Writable({
          write(chunk: Buffer, _, done) {
            text += chunk.toString();
            done();
          },
        });
        return { component: standardOutput(stream), stored: () => asRecords(text) };
      },
    },
  ],
};

/** The stdout sink, on a stream of its own instead of the process's. */
function standardOutput(stream: Writable): SinkComponent<never> {
  const define = defineSink<(options: object) => SinkComponent, never>({
    ...stdoutSink.spec,
    create: (options, context) => new StreamSink(() => stream, options, context),
  });
  return define({});
}
