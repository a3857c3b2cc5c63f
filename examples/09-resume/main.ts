import {
  type CheckpointStore,
  isPipelineError,
  memoryCheckpoints,
  type MemorySink,
  memorySink,
  memorySource,
  movingAverage,
  pipeline,
  type RunOptions,
  schema,
  seededRandom,
} from 'millrace';

const readings = schema({ sensorId: 'category', value: 'float64' });
const random = seededRandom(7);
const rows = Array.from({ length: 1000 }, (_, at) => ({
  sensorId: `sensor-${at % 3}`,
  value: random.next() * 100,
}));

async function run(sink: MemorySink, options: RunOptions): Promise<string> {
  const settings = { batch: { rowsMax: 50 }, checkpoint: { rowsMax: 200, everyMs: 60_000 } };
  const running = pipeline('resume', settings)
    .from(memorySource({ schema: readings, rows }))
    .pipe(movingAverage({ field: 'value', window: 20, by: 'sensorId', into: 'average' }))
    .to(sink)
    .run(options);
  const report = await running.catch((error: unknown) => {
    if (!isPipelineError(error)) throw error;
    return error.message;
  });
  return typeof report === 'string' ? report : `${report.status}, ${report.recordsIn} records read`;
}

// Positions and the state of the stages are saved together, at each cut.
const store = memoryCheckpoints();

// The first run is stopped dead when its second checkpoint has been saved.
const power = new AbortController();
const failing: CheckpointStore = {
  load: () => store.load(),
  save: async (checkpoint) => {
    await store.save(checkpoint);
    if (checkpoint.cut === 2) power.abort(new Error('power cut'));
  },
};
const sink = memorySink();
console.log('first run: ', await run(sink, { store: failing, signal: power.signal }));

const checkpoint = await store.load();
console.log('saved:      cut', checkpoint?.cut, 'at', checkpoint?.positions);
console.log('state of:  ', Object.keys(checkpoint?.state ?? {}).join());
console.log('committed: ', sink.committed.length, 'rows of', rows.length);

// The second begins where the first was saved: what no cut had committed is read again.
console.log('second run:', await run(sink, { store }));

const whole = memorySink();
await run(whole, {});
const same = JSON.stringify(sink.rows) === JSON.stringify(whole.rows);
console.log(`the two together give what one whole run gives: ${same}, ${sink.rows.length} rows`);
