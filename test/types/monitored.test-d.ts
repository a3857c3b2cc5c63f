// Compiled, never run: the types of monitored stages, and what a runner takes.
import { schema } from '../../src/batch/index.ts';
import type { Stage } from '../../src/core/index.ts';
import { memorySink, memorySource } from '../../src/connectors/index.ts';
import type { TypedPipelineBuilder } from '../../src/engine/index.ts';
import { MonitoredPipelineRunner } from '../../src/index.ts';
import { filter, movingAverage, threshold } from '../../src/stages/index.ts';
import {
  diffStageSnapshots,
  getChangeLog,
  MonitoredPipelineStage,
} from '../../src/attributes/index.ts';

const readings = schema({ sensorId: 'category', value: 'float64' });
const source = memorySource({ schema: readings, rows: [] });
const limit = new MonitoredPipelineStage('limit', threshold({ field: 'value', min: 10 }));
declare const builder: TypedPipelineBuilder;

// Fields flow through a monitored stage that is made in its place as through the stage itself.
builder
  .setSource(source)
  .addStage(new MonitoredPipelineStage('limit', threshold({ field: 'value', min: 10 })))
  .addStage(
    new MonitoredPipelineStage(
      'warm',
      filter((row) => row.value > 1),
    ),
  )
  .addStage(
    new MonitoredPipelineStage('smooth', movingAverage({ field: 'value', window: 5, into: 'avg' })),
  )
  .addStage(filter((row) => row.avg > 1))
  // @ts-expect-error there is no such field
  .addStage(filter((row) => row.average > 1))
  .setSink(memorySink());

const own: Stage<{ value: 'float64' }> = { transform: (stream) => stream };
const monitored = new MonitoredPipelineStage('own', own);
builder.setSource(source).addStage(monitored);
const levels = memorySource({ schema: schema({ level: 'float64' }), rows: [] });
// @ts-expect-error it needs a field that does not come
builder.setSource(levels).addStage(monitored);

const count: number = getChangeLog(limit, 'recordsProcessed').changes;
diffStageSnapshots(limit, monitored, 'meanLatencyMs');
// @ts-expect-error it has no such attribute
getChangeLog(limit, 'records');

const smooth = movingAverage({ field: 'value', window: 5, into: 'avg' });
const runner = new MonitoredPipelineRunner(source, [limit, smooth, own], memorySink());
// @ts-expect-error a sink is no stage
new MonitoredPipelineRunner(source, [memorySink()], memorySink());
// @ts-expect-error a stage is no source
new MonitoredPipelineRunner(limit, [], memorySink());
void runner.run().then(({ records, elapsedMs }) => records + elapsedMs + count);
