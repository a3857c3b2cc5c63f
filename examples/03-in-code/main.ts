import {
  derive,
  filter,
  float64,
  memorySink,
  memorySource,
  movingAverage,
  pipeline,
  schema,
  text,
} from 'millrace';

// The kinds of the fields. TypeScript knows the type of a row from here on.
const readings = schema({
  sensorId: 'category',
  timestamp: 'timestamp',
  celsius: 'float64',
  note: 'text?',
});

const start = Date.UTC(2026, 0, 1);
const source = memorySource({
  schema: readings,
  rows: [
    { sensorId: 'attic', timestamp: start, celsius: 18.5, note: null },
    { sensorId: 'cellar', timestamp: start, celsius: 9, note: 'door open' },
    { sensorId: 'attic', timestamp: start + 60_000, celsius: 21.5, note: null },
    { sensorId: 'cellar', timestamp: start + 60_000, celsius: -85, note: 'cable loose' },
    { sensorId: 'attic', timestamp: start + 120_000, celsius: 23, note: null },
    { sensorId: 'cellar', timestamp: start + 120_000, celsius: 10, note: null },
  ],
});

const builder = pipeline('in-code');
const flow = builder.from(source).pipe(
  filter((row) => row.celsius > -40),
  // A new field says its kind; its function sees typed rows, so a misspelt name does not compile.
  derive({
    fahrenheit: float64((row) => row.celsius * 1.8 + 32),
    remark: text.nullable((row) => row.note?.toUpperCase() ?? null),
  }),
  // Sees the fields that the stages before it added.
  movingAverage({ field: 'fahrenheit', window: 2, by: 'sensorId', into: 'average' }),
);

const sink = memorySink<typeof flow.fields>();
const report = await flow.to(sink).run();

for (const { sensorId, timestamp, celsius, average, remark } of sink.rows) {
  const time = new Date(timestamp).toISOString().slice(11, 16);
  const also = remark === null ? '' : ` (${remark})`;
  console.log(`${time} ${sensorId}: ${celsius} °C, ${average.toFixed(1)} °F on average${also}`);
}

console.log(`\n${report.pipeline}: ${report.status}`);
console.log(`${report.recordsIn} in, ${report.recordsOut} out, ${report.deadLetters} dead letters`);
for (const { kind, id, in: rowsIn, out } of report.components) {
  console.log(`${kind} ${id}: ${rowsIn} in, ${out} out`);
}
