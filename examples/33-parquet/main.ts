import { globSync, readFileSync } from 'node:fs';

import { fileSink, fileSource, memorySink, pipeline, schema } from 'millrace';

const readings = schema({ at: 'timestamp', sensorId: 'category', value: 'float64?' });

// A cut every 20 rows: where a run that is killed would go on.
const settings = { batch: { rowsMax: 10 }, checkpoint: { rowsMax: 20, everyMs: 60_000 } };

async function write(sink: ReturnType<typeof fileSink>): Promise<void> {
  const source = fileSource({ path: 'readings.ndjson', schema: readings });
  await pipeline('write', settings).from(source).to(sink).run();
}

async function read(path: string): Promise<string> {
  const sink = memorySink();
  await pipeline('read').from(fileSource({ path })).to(sink).run();
  return JSON.stringify(sink.rows);
}

await write(fileSink({ path: 'readings.parquet' }));
await write(fileSink({ path: 'series/', format: 'parquet', rollRows: 25 }));
await write(fileSink({ path: 'readings.arrow' }));

const given = await read('readings.ndjson');
const rows = JSON.parse(given) as unknown[];
console.log('NDJSON:  ', rows.length, 'rows, the last', JSON.stringify(rows.at(-1)));

const parquet = await read('readings.parquet');
console.log(
  'Parquet: ',
  (JSON.parse(parquet) as unknown[]).length,
  'rows, the same:',
  parquet === given,
);
console.log('          begins and ends with', magicOf('readings.parquet'));

const files = globSync('series/*.parquet').length;
console.log('series:  ', files, 'files, the same:', (await read('series/*.parquet')) === given);
console.log('Arrow:    the same:', (await read('readings.arrow')) === given);

function magicOf(path: string): string {
  const bytes = readFileSync(path);
  return `${bytes.toString('latin1', 0, 4)} ${bytes.toString('latin1', bytes.length - 4)}`;
}
