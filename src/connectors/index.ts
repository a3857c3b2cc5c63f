import type { SinkDefinition, SourceDefinition } from '../core/index.ts';
import { consoleSink } from './console.ts';
import { hostSource } from './host.ts';
import { intervalSource } from './interval.ts';
import { memorySink, memorySource } from './memory.ts';
import { simulateSource } from './simulate.ts';

export { type ConsoleOptions, consoleSink } from './console.ts';
export { type HostMetric, type HostOptions, hostSource } from './host.ts';
export { type IntervalFields, type IntervalOptions, intervalSource } from './interval.ts';
export {
  type MemorySink,
  memorySink,
  type MemorySinkOptions,
  memorySource,
  type MemorySourceOptions,
} from './memory.ts';
export { type SimulateOptions, simulateSource } from './simulate.ts';

/** Every connector that config files may name. */
export const connectors: readonly (SourceDefinition | SinkDefinition)[] = [
  consoleSink,
  hostSource,
  intervalSource,
  memorySink,
  memorySource,
  simulateSource,
];
