import type { Outcome } from '../lib/rounds.ts';
import type { Telemetry } from '../lib/telemetry.ts';
import { createMovingAverage } from './moving-average.ts';
import {
  type Averaged,
  isWithin,
  type Normalized,
  windowRows,
  withAverage,
  withNormalized,
} from './records.ts';

/** The three stages as web `TransformStream`s of objects. */
export async function runWebStreams(records: readonly Telemetry[]): Promise<Outcome> {
  const average = createMovingAverage(windowRows);
  let next = 0;
  let count = 0;
  let sum = 0;
  await new ReadableStream<Telemetry>({
    pull(controller) {
      if (next < records.length) controller.enqueue(records[next++]!);
      else controller.close();
    },
  })
    .pipeThrough(
      new TransformStream<Telemetry, Telemetry>({
        transform(record, controller) {
          if (isWithin(record)) controller.enqueue(record);
        },
      }),
    )
    .pipeThrough(
      new TransformStream<Telemetry, Normalized>({
        transform: (record, controller) => controller.enqueue(withNormalized(record)),
      }),
    )
    .pipeThrough(
      new TransformStream<Normalized, Averaged>({
        transform: (record, controller) =>
          controller.enqueue(withAverage(record, average(record.normalized))),
      }),
    )
    .pipeTo(
      new WritableStream({
        write(record) {
          count++;
          sum += record.rollingAvg;
        },
      }),
    );
  return { records: count, sum };
}
