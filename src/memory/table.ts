import process from 'node:process';

import { isPipelineError, PipelineError } from '../errors.ts';
import { measureInChild, type MeasureLimits } from './child.ts';
import { layouts } from './layouts.ts';
import { checkInstances } from './measure.ts';
import type { RecordSize } from './task.ts';

/** One kind of record, held so many times. */
export interface MemoryRow extends RecordSize {
  readonly record: string;
}

/** What records of six fields take, by how they are held. */
export interface MemoryTable {
  /** Versions of what was measured: sizes are V8's. */
  readonly node: string;
  readonly v8: string;
  readonly rows: readonly MemoryRow[];
  /** What could not be measured, and why. */
  readonly missing: readonly { readonly record: string; readonly reason: string }[];
}

/** How many records are held at a time, unless said otherwise. */
export const usualInstances: readonly number[] = [1000, 10_000, 100_000, 1_000_000];

/**
 * Measures records of six fields, held in every usual way, each in a process of its own, one after
 * the other, within `limits`. `measured` is told of each row. Without `apache-arrow` its row is missing.
 */
export async function memoryTable(
  instances: readonly number[] = usualInstances,
  measured: (row: MemoryRow) => void = () => {},
  limits: MeasureLimits = {},
): Promise<MemoryTable> {
  if (!Array.isArray(instances) || instances.length === 0) {
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: 'instances',
      fact: 'it is no list of numbers, or an empty one',
      remedy: 'give numbers of instances, as `[100_000]`',
    });
  }
  for (const count of instances) checkInstances(count);
  const rows: MemoryRow[] = [];
  const missing: MemoryTable['missing'][number][] = [];
  for (const count of instances) {
    for (const { name: record } of layouts) {
      if (missing.some((one) => one.record === record)) continue;
      try {
        const size = await measureInChild({ layout: record, instances: count }, limits);
        rows.push({ record, ...size });
        measured(rows.at(-1)!);
      } catch (error) {
        if (!isPipelineError(error) || error.code !== 'ERR_PEER_MISSING') throw error;
        missing.push({ record, reason: error.message });
      }
    }
  }
  return { ...versions(), rows, missing };
}

/** The versions that sizes hang on. */
export function versions(): Pick<MemoryTable, 'node' | 'v8'> {
  return { node: process.versions.node, v8: process.versions.v8 };
}
