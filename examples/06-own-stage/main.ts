import { memorySink, memorySource, pipeline, schema } from 'millrace';

import { dewPoint } from './dew-point.ts';
import { inOrder } from './in-order.ts';

const readings = schema({ time: 'timestamp', celsius: 'float64', humidity: 'float64' });
const minute = (at: number): number => Date.UTC(2026, 0, 1, 12, at);
const rows = [
  { time: minute(0), celsius: 20, humidity: 50 },
  { time: minute(2), celsius: 20.5, humidity: 55 },
  { time: minute(1), celsius: 20.2, humidity: 52 },
  { time: minute(4), celsius: 19, humidity: 100 },
  { time: minute(3), celsius: 21, humidity: 60 },
];

// Small batches, so that the late rows do not come with the others.
const flow = pipeline('own-stage', { batch: { rowsMax: 2 } })
  .from(memorySource({ schema: readings, rows }))
  .pipe(inOrder(readings, 1))
  .pipe(dewPoint({ temperature: 'celsius', humidity: 'humidity' }));

const sink = memorySink<typeof flow.fields>();
await flow.to(sink).run();
for (const { time, celsius, humidity, dewPoint } of sink.rows) {
  const clock = new Date(time).toISOString().slice(11, 16);
  console.log(`${clock}  ${celsius} °C  ${humidity} %  dew point ${dewPoint.toFixed(2)} °C`);
}

// A mistake is found before data flows, and in TypeScript while it is typed.
try {
  await pipeline('mistaken')
    .from(memorySource({ schema: readings, rows }))
    // @ts-expect-error: the schema has no such field
    .pipe(dewPoint({ temperature: 'celcius', humidity: 'humidity' }))
    .to(memorySink())
    .run();
} catch (error) {
  console.log(String(error));
}
