import { type ExponentialBuckets, sumOfBuckets } from '../histogram.ts';
import type { MetricsReport } from '../metrics-registry.ts';
import type { Latency } from '../snapshot.ts';
import type { Add, Family, RunSource } from './families.ts';
import { type Labels, labelsOf } from './labels.ts';

/** How many label sets a metric has at most; what has no room adds up in the last, `overflow`. */
const labelSetsMax = 1000;

/** A value, its labels, and the run that it is of, if it is of one. */
export type Value = readonly [labels: Labels, value: number | Latency, run?: RunSource];

/** What a metric has of some runs and registries. */
export function valuesOf(
  family: Family,
  runs: readonly RunSource[],
  reports: readonly MetricsReport[],
): readonly Value[] {
  const values: Value[] = [];
  let beyond: number | Latency | undefined;
  const adding =
    (run?: RunSource): Add =>
    (labels, value) => {
      // What has no labels is of the whole process, whatever the number of its registries.
      const whole = labels.text === '' ? values.findIndex(([known]) => known.text === '') : -1;
      if (whole >= 0) values[whole] = [labels, together(family, values[whole]![1], value)];
      else if (values.length >= labelSetsMax - 1) beyond = together(family, beyond, value);
      else values.push(run === undefined ? [labels, value] : [labels, value, run]);
    };
  for (const run of runs) family.ofRun?.(run, adding(run));
  for (const report of reports) family.ofStages?.(report, adding());
  if (beyond !== undefined) values.push([overflowLabels(family), beyond]);
  return values;
}

function overflowLabels({ labels }: Family): Labels {
  return labelsOf(Object.fromEntries(labels.map((name) => [name, 'overflow'])));
}

/** Counters and histograms add up; of gauges the greatest stands. */
function together(
  { type }: Family,
  one: number | Latency | undefined,
  other: number | Latency,
): number | Latency {
  if (one === undefined) return other;
  if (typeof one === 'number' || typeof other === 'number') {
    const [a, b] = [one as number, other as number];
    return type === 'gauge' ? Math.max(a, b) : a + b;
  }
  const count = one.count + other.count;
  const buckets = (one.buckets ?? []).map((seen, at) => seen + (other.buckets?.[at] ?? 0));
  const maxMs = Math.max(one.maxMs ?? 0, other.maxMs ?? 0);
  const meanMs = (sumMs(one) + sumMs(other)) / count;
  return { ...one, count, meanMs, maxMs, buckets, ...exponentialOf(one, other) };
}

function exponentialOf(
  { exponential: one }: Latency,
  { exponential: other }: Latency,
): { exponential?: ExponentialBuckets } {
  if (one === undefined || other === undefined) return {};
  return { exponential: sumOfBuckets(one, other) };
}

/** All that was measured, in milliseconds. */
export function sumMs({ count, meanMs }: Latency): number {
  return (meanMs ?? 0) * count;
}
