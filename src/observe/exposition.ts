import {
  families,
  type Family,
  type HistogramValue,
  type RunSource,
  runSource,
} from './exposition/families.ts';
import { labelsOf } from './exposition/labels.ts';
import { type Value, valuesOf } from './exposition/values.ts';
import { classicBounds } from './histogram.ts';
import type { MetricsReport } from './metrics-registry.ts';
import type { RunStats, StatsOptions } from './snapshot.ts';

/** Prometheus's text 0.0.4, or OpenMetrics 1.0. */
export type ExpositionFormat = 'text' | 'openmetrics';

/** The content type of each format. */
export const expositionTypes: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** What has figures to show: a run, or a registry of what the engine does not see. */
export type Exposed =
  { stats(options: StatsOptions): RunStats } | { report(options: StatsOptions): MetricsReport };

/** How figures are written. */
export interface ExpositionOptions {
  /** `text` unless given. */
  readonly format?: ExpositionFormat;
}

/** The format to answer with: OpenMetrics where the `Accept` header names it, else text. */
export function expositionFormat(accept: string | undefined): ExpositionFormat {
  return accept?.includes('application/openmetrics-text') ? 'openmetrics' : 'text';
}

/**
 * Writes the figures of one source or several as Prometheus reads them. Of runs of one name, and of
 * names that several registries have, counters and histograms add up, and of gauges the greatest stands.
 */
export function prometheusText(
  source: Exposed | readonly Exposed[],
  { format = 'text' }: ExpositionOptions = {},
): string {
  const sources: readonly Exposed[] = Array.isArray(source) ? source : [source as Exposed];
  const runs: RunSource[] = [];
  const reports: MetricsReport[] = [];
  for (const one of sources) {
    if ('stats' in one) runs.push(runSource(one.stats({ classic: true })));
    else reports.push(one.report({ classic: true }));
  }
  const lines = buildInfo(runs, format);
  for (const family of families)
    writeFamily(family, valuesOf(family, runs, reports), format, lines);
  if (format === 'openmetrics') lines.push('# EOF\n');
  return lines.join('');
}

/** What runs; mostly one, whatever the number of runs. */
function buildInfo(runs: readonly RunSource[], format: ExpositionFormat): string[] {
  const known = runs.map(({ stats: { versions } }) => {
    return labelsOf({ version: versions.millrace, node: versions.node }).text;
  });
  if (known.length === 0) return [];
  const [name, type] =
    format === 'openmetrics' ? ['millrace_build', 'info'] : ['millrace_build_info', 'gauge'];
  return [
    `# HELP ${name} What runs.\n# TYPE ${name} ${type}\n`,
    ...[...new Set(known)].map((labels) => `millrace_build_info{${labels}} 1\n`),
  ];
}

function writeFamily(
  family: Family,
  values: readonly Value[],
  format: ExpositionFormat,
  lines: string[],
): void {
  if (values.length === 0) return;
  const { type, unit, help } = family;
  const name = `millrace_${family.name}`;
  const sample = type === 'counter' ? `${name}_total` : name;
  const described = format === 'openmetrics' ? name : sample;
  lines.push(`# HELP ${described} ${escapeHelp(help)}\n# TYPE ${described} ${type}\n`);
  if (format === 'openmetrics' && unit !== undefined) lines.push(`# UNIT ${name} ${unit}\n`);
  for (const [{ text: labels }, value] of values) {
    if (typeof value === 'number') lines.push(`${sample}{${labels}} ${numberText(value)}\n`);
    else writeHistogram(name, labels, value, lines);
  }
}

// What each bucket ends with.
const bucketEnds = classicBounds.map((bound) => `,le="${floatText(bound)}"} `);

function writeHistogram(
  name: string,
  labels: string,
  { count, sumMs, buckets = [] }: HistogramValue,
  lines: string[],
): void {
  const bucket = `${name}_bucket{${labels}`;
  for (let at = 0; at < buckets.length; at++) {
    lines.push(`${bucket}${bucketEnds[at]!}${numberText(buckets[at]!)}\n`);
  }
  lines.push(`${bucket},le="+Inf"} ${numberText(count)}\n`);
  lines.push(`${name}_sum{${labels}} ${numberText(sumMs / 1000)}\n`);
  lines.push(`${name}_count{${labels}} ${numberText(count)}\n`);
}

/** As Prometheus writes what is no finite number. */
function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}

/** Of a label, which is text and has one form only: that of OpenMetrics. */
function floatText(value: number): string {
  const text = String(value).replace(/e([-+])(\d)$/, 'e$10$2');
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', "'");
}
