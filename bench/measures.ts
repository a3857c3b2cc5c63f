import { attributes } from './attributes.ts';
import { duckdbJobs } from './duckdb-jobs.ts';
import { lanes } from './lanes.ts';
import type { Measure } from './lib/measure.ts';
import { logger } from './logger.ts';
import { memoryColumns } from './memory-columns.ts';
import { memoryReading } from './memory-reading.ts';
import { memoryRows } from './memory-rows.ts';
import { ndjsonRead } from './ndjson-read.ts';
import { observeData } from './observe-data.ts';
import { observeMetrics } from './observe-metrics.ts';
import { observeCost } from './observe-cost.ts';
import { parsing } from './parsing.ts';
import { policies } from './policies.ts';
import { referenceJob } from './reference-job.ts';
import { referenceMemory } from './reference-memory.ts';
import { serverProbes } from './server-probes.ts';
import { serverViewers } from './server-viewers.ts';
import { startup } from './startup.ts';
import { validation } from './validation.ts';
import { windows } from './windows.ts';

export const measures: readonly Measure[] = [
  ...memoryColumns,
  ...memoryRows,
  memoryReading,
  ...parsing,
  ndjsonRead,
  referenceJob,
  ...duckdbJobs,
  ...windows,
  referenceMemory,
  ...lanes,
  ...startup,
  ...validation,
  ...policies,
  ...observeCost,
  ...logger,
  ...observeMetrics,
  ...observeData,
  ...attributes,
  serverProbes,
  serverViewers,
];
