import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DuckDBInstance } from '@duckdb/node-api';

/** Runs DuckDB over a directory of its own, which is `$dir` in statements. */
export async function withDuckDb<T>(
  work: (duck: {
    /** The rows of a query, as JSON has them. */
    query(sql: string): Promise<unknown[]>;
    put(name: string, bytes: Uint8Array): void;
    get(name: string): Uint8Array;
  }) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-duckdb-'));
  const database = await DuckDBInstance.create();
  const connection = await database.connect();
  try {
    await connection.run("set timezone = 'UTC'");
    return await work({
      query: async (sql) => {
        const reader = await connection.runAndReadAll(sql.replaceAll('$dir', directory));
        return reader.getRowObjectsJson();
      },
      put: (name, bytes) => writeFileSync(join(directory, name), bytes),
      get: (name) => new Uint8Array(readFileSync(join(directory, name))),
    });
  } finally {
    connection.closeSync();
    database.closeSync();
    rmSync(directory, { recursive: true });
  }
}

/** The Parquet file that DuckDB writes of a query. */
export function parquetOf(query: string, options = 'codec zstd'): Promise<Uint8Array> {
  return withDuckDb(async ({ query: run, get }) => {
    await run(`copy (${query}) to '$dir/o.parquet' (format parquet, ${options})`);
    return get('o.parquet');
  });
}
