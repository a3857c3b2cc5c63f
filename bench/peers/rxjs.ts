import { filter, from, map } from 'rxjs';

import type { Outcome } from '../lib/rounds.ts';
import type { Telemetry } from '../lib/telemetry.ts';
import { createMovingAverage } from './moving-average.ts';
import { isWithin, windowRows, withAverage, withNormalized } from './records.ts';

/** The three stages in RxJS 7, synchronous from the array to the subscriber. */
export function runRxjs(records: readonly Telemetry[]): Outcome {
  const average = createMovingAverage(windowRows);
  let count = 0;
  let sum = 0;
  from(records as Telemetry[])
    .pipe(
      filter(isWithin),
      map(withNormalized),
      map((record) => withAverage(record, average(record.normalized))),
    )
    .subscribe((record) => {
      count++;
      sum += record.rollingAvg;
    });
  return { records: count, sum };
}
