import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { Outcome } from '../lib/rounds.ts';
import type { Telemetry } from '../lib/telemetry.ts';
import { createMovingAverage } from './moving-average.ts';
import { isWithin, type Normalized, windowRows, withAverage, withNormalized } from './records.ts';

/**
 * The three stages as Node `Transform` streams of objects, with Node's own high-water mark
 * (greater ones were no faster) and its own source for arrays (one made by hand for this data was an
 * eighth faster).
 */
export async function runNodeStreams(records: readonly Telemetry[]): Promise<Outcome> {
  const average = createMovingAverage(windowRows);
  const objects = { objectMode: true };
  let count = 0;
  let sum = 0;
  await pipeline(
    Readable.from(records),
    new Transform({
      ...objects,
      transform(record: Telemetry, _encoding, done) {
        if (isWithin(record)) done(null, record);
        else done();
      },
    }),
    new Transform({
      ...objects,
      transform(record: Telemetry, _encoding, done) {
        done(null, withNormalized(record));
      },
    }),
    new Transform({
      ...objects,
      transform(record: Normalized, _encoding, done) {
        done(null, withAverage(record, average(record.normalized)));
      },
    }),
    new Writable({
      ...objects,
      write(record: { rollingAvg: number }, _encoding, done) {
        count++;
        sum += record.rollingAvg;
        done();
      },
    }),
  );
  return { records: count, sum };
}
