import type { SinkDefinition, SourceDefinition } from '../core/index.ts';
import { consoleSink } from './console.ts';
import { deadLetterFile } from './dead-letter-file.ts';
import { fileSink, fileSource } from './file.ts';
import { hostSource } from './host.ts';
import { intervalSource } from './interval.ts';
import { memorySink, memorySource } from './memory.ts';
import { sensorsSource } from './sensors.ts';
import { simulateSource } from './simulate.ts';
import { stdinSource } from './stdin.ts';
import { stdoutSink } from './stdout.ts';

export { type ConsoleOptions, consoleSink } from './console.ts';
export { deadLetterFile, type DeadLetterFileOptions } from './dead-letter-file.ts';
export { fileSink, type FileSinkOptions, fileSource, type FileSourceOptions } from './file.ts';
export { type HostMetric, type HostOptions, hostSource } from './host.ts';
export { type IntervalFields, type IntervalOptions, intervalSource } from './interval.ts';
export {
  type MemorySink,
  memorySink,
  type MemorySinkOptions,
  memorySource,
  type MemorySourceOptions,
} from './memory.ts';
export {
  type SensorAnswer,
  type SensorFields,
  type SensorOptions,
  type SensorPatience,
  type SensorsOptions,
  sensorsSource,
  type SensorStrategy,
} from './sensors.ts';
export { type SimulateOptions, simulateSource } from './simulate.ts';
export { stdinSource, type StdinSourceOptions } from './stdin.ts';
export { stdoutSink, type StdoutSinkOptions } from './stdout.ts';

/** Every connector that config files may name. */
export const connectors: readonly (SourceDefinition | SinkDefinition)[] = [
  consoleSink,
  deadLetterFile,
  fileSink,
  fileSource,
  hostSource,
  intervalSource,
  memorySink,
  memorySource,
  sensorsSource,
  simulateSource,
  stdinSource,
  stdoutSink,
];
