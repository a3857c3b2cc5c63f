import {
  consoleSink,
  MonitoredPipelineRunner,
  movingAverage,
  normalize,
  printPipelineReport,
  simulateSource,
  threshold,
} from 'millrace';
import { getChangeLog, MonitoredPipelineStage } from 'millrace/attributes';

const limit = new MonitoredPipelineStage('limit', threshold({ field: 'value', min: 18 }));
const scale = new MonitoredPipelineStage(
  'scale',
  normalize({ field: 'value', min: 0, max: 50, into: 'scaled' }),
);
const smooth = new MonitoredPipelineStage(
  'smooth',
  movingAverage({ field: 'scaled', window: 5, into: 'average' }),
);

// It checks what it is given at once; batches of ten, so that there is a history.
const runner = new MonitoredPipelineRunner(
  simulateSource({ sensors: 1, count: 100, realTime: false, seed: 7, startMs: 0 }),
  [limit, scale, smooth],
  consoleSink({ format: 'text', limit: 2 }),
  { name: 'thermometer', settings: { batch: { rowsMax: 10 } } },
);

const { status, records, elapsedMs, changeEvents, peakMemoryBytes } = await runner.run();
console.log(`\n${status}: ${records} records, took time: ${elapsedMs > 0}`);
console.log(`peak memory is known: ${peakMemoryBytes > 0}`);

const names = ['recordsProcessed', 'meanLatencyMs', 'errorCount'] as const;
const logged = [limit, scale, smooth].flatMap((stage) =>
  names.map((name) => getChangeLog(stage, name).changes),
);
const sum = logged.reduce((total, changes) => total + changes, 0);
console.log(`change events are those of all logs: ${changeEvents === sum}`);
console.log(`of them in records of limit: ${getChangeLog(limit, 'recordsProcessed').changes}\n`);

printPipelineReport(runner);
