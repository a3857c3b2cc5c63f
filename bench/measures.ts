import { attributes } from './attributes.ts';
import type { Measure } from './lib/measure.ts';
import { logger } from './logger.ts';
import { memoryColumns } from './memory-columns.ts';
import { memoryRows } from './memory-rows.ts';
import { ndjsonRead } from './ndjson-read.ts';
import { observeMetrics } from './observe-metrics.ts';
import { observeCost } from './observe-cost.ts';
import { policies } from './policies.ts';
import { referenceJob } from './reference-job.ts';
import { referenceMemory } from './reference-memory.ts';
import { serverProbes } from './server-probes.ts';
import { startup } from './startup.ts';
import { validation } from './validation.ts';

export const measures: readonly Measure[] = [
  ...memoryColumns,
  ...memoryRows,
  ndjsonRead,
  referenceJob,
  referenceMemory,
  ...startup,
  ...validation,
  ...policies,
  ...observeCost,
  ...logger,
  ...observeMetrics,
  ...attributes,
  serverProbes,
];
