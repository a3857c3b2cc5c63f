import { type ExponentialBuckets, sumOfBuckets } from '../histogram.ts';
import type { MetricsReport } from '../metrics-registry.ts';
import type { Add, Family, HistogramValue, RunSource } from './families.ts';
import { type Labels, labelsOf } from './labels.ts';

/** How many label sets a metric has at most; what has no room adds up in the last, `overflow`. */
const labelSetsMax = 1000;

/** A value, its labels, and the run that it is of, if it is of one. */
export type Value = readonly [labels: Labels, value: number | HistogramValue, run?: RunSource];

/** What a metric has of some runs and registries: of each set of labels one value. */
export function valuesOf(
  family: Family,
  runs: readonly RunSource[],
  reports: readonly MetricsReport[],
): readonly Value[] {
  const values: Value[] = [];
  const places = new Map<string, number>();
  let beyond: number | HistogramValue | undefined;
  const adding =
    (run?: RunSource): Add =>
    (labels, value) => {
      const place = places.get(labels.text);
      if (place !== undefined) {
        const [, known, of] = values[place]!;
        const both = together(family, known, value);
        values[place] = of === undefined ? [labels, both] : [labels, both, of];
      } else if (values.length >= labelSetsMax - 1) beyond = together(family, beyond, value);
      else {
        places.set(labels.text, values.length);
        values.push(run === undefined ? [labels, value] : [labels, value, run]);
      }
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
  one: number | HistogramValue | undefined,
  other: number | HistogramValue,
): number | HistogramValue {
  if (one === undefined) return other;
  if (typeof one === 'number' || typeof other === 'number') {
    const [a, b] = [one as number, other as number];
    return type === 'gauge' ? Math.max(a, b) : a + b;
  }
  const count = one.count + other.count;
  const buckets = (one.buckets ?? []).map((seen, at) => seen + (other.buckets?.[at] ?? 0));
  const maxMs = Math.max(one.maxMs ?? 0, other.maxMs ?? 0);
  const sumMs = one.sumMs + other.sumMs;
  return { count, sumMs, maxMs, buckets, ...exponentialOf(one, other) };
}

function exponentialOf(
  { exponential: one }: HistogramValue,
  { exponential: other }: HistogramValue,
): { exponential?: ExponentialBuckets } {
  if (one === undefined || other === undefined) return {};
  return { exponential: sumOfBuckets(one, other) };
}
