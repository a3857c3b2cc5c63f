import process from 'node:process';

import { Batch, schema } from '../../src/batch/index.ts';
import { consoleSink } from '../../src/connectors/console.ts';
import { openSink } from './planned.ts';

/** Writes rows until what reads the output has closed it, and says what it was told then. */
const numbers = schema({ n: 'float64' });
const { connector } = await openSink(consoleSink({ format: 'json' }), numbers);
const batch = Batch.from(
  Array.from({ length: 1000 }, (_, n) => ({ n })),
  numbers,
);
try {
  for (;;) await connector.write(batch, new AbortController().signal);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
}
await connector.close();
