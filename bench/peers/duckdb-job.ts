import process from 'node:process';

import { DuckDBInstance } from '@duckdb/node-api';

/**
 * The reference job as one statement of DuckDB. Usage: duckdb-job.ts INPUT OUTPUT
 * stateless|windowed THREADS. It sorts for the window; we take rows as they come.
 */
const [input = '', output = '', job = '', threads = '1'] = process.argv.slice(2);
const columns =
  "{sensorId: 'VARCHAR', timestamp: 'BIGINT', value: 'DOUBLE', unit: 'VARCHAR', quality: 'DOUBLE', flags: 'INTEGER'}";
const source = input.endsWith('.csv')
  ? `read_csv('${input}', header = true, auto_detect = false, columns = ${columns})`
  : `read_json('${input}', format = 'newline_delimited', columns = ${columns})`;
const average =
  job === 'windowed'
    ? `, avg((value - 10) / 80) OVER (PARTITION BY sensorId ORDER BY timestamp
         ROWS BETWEEN 49 PRECEDING AND CURRENT ROW) AS rollingAvg`
    : '';
const database = await DuckDBInstance.create(':memory:', { threads });
const connection = await database.connect();
// Free to write rows in any order, it is faster.
await connection.run('SET preserve_insertion_order = false');
await connection.run(
  `COPY (SELECT sensorId, timestamp, value, (value - 10) / 80 AS normalized${average}
     FROM ${source} WHERE value BETWEEN 10 AND 90)
   TO '${output}' (FORMAT json)`,
);
