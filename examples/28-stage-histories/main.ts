import {
  memorySink,
  memorySource,
  pipeline,
  schema,
  type Stage,
  systemOutside,
  threshold,
  VirtualClock,
} from 'millrace';
import { diffStageSnapshots, getChangeLog, MonitoredPipelineStage } from 'millrace/attributes';

const readings = schema({ sensorId: 'category', value: 'float64' });
const rows = Array.from({ length: 60 }, (_, at) => ({ sensorId: 'boiler-7', value: at % 40 }));

// In virtual time, so that the second stage takes exactly as long as it says.
const clock = new VirtualClock();
type Reading = (typeof readings)['shape'];
const asking: Stage<Reading> = {
  async *transform(stream) {
    for await (const batch of stream) {
      if ('length' in batch) await clock.sleep(2 * batch.length);
      yield batch;
    }
  },
};

const limit = new MonitoredPipelineStage<Reading, Reading>(
  'limit',
  threshold({ field: 'value', min: 25 }),
);
const ask = new MonitoredPipelineStage('ask', asking);
await pipeline('histories', { batch: { rowsMax: 10 } }, { outside: { ...systemOutside(), clock } })
  .from(memorySource({ schema: readings, rows }))
  .pipe(limit, ask)
  .to(memorySink())
  .run();

const names = ['recordsProcessed', 'meanLatencyMs', 'errorCount'] as const;
const differ = names.filter((name) => {
  const { stageA, stageB, delta } = diffStageSnapshots(limit, ask, name);
  const [a, b] = [limit, ask].map((stage) => getChangeLog(stage, name).changes);
  console.log(`${name}: ${limit.name} ${stageA}, ${ask.name} ${stageB}, delta ${delta}`);
  console.log(`  changes: ${limit.name} ${a}, ${ask.name} ${b}`);
  return stageA !== stageB || a !== b;
});
console.log(`\ndiffer: ${differ.join(', ')}`);

for (const stage of [limit, ask]) {
  const { entries } = getChangeLog(stage, 'recordsProcessed');
  const steps = entries.map(({ from, to, by }) => `${from} → ${to} by ${by}`);
  console.log(`\n${stage.name}:\n  ${steps.join('\n  ')}`);
}
