import type { Family } from '../exposition/families.ts';

/** The names of attributes that spans have: those of messaging are still experimental. */
export const attributeNames = {
  system: 'messaging.system.name',
  destination: 'messaging.destination.name',
  operation: 'messaging.operation.type',
  messages: 'messaging.batch.message_count',
  errorType: 'error.type',
  pipeline: 'millrace.pipeline',
  component: 'millrace.component',
  componentType: 'millrace.component.type',
  rowsFailed: 'millrace.rows.failed',
} as const;

/** What spans and metrics are of. */
export const scopeName = 'millrace';

const units = { seconds: 's', bytes: 'By', ratio: '1' } as const;

/** What OpenTelemetry has a name of its own for. */
const runtimeNames: Readonly<Record<string, string>> = {
  heap_used_bytes: 'v8js.memory.heap.used',
  event_loop_utilization_ratio: 'nodejs.eventloop.utilization',
  resident_memory_bytes: 'process.memory.usage',
};

/** The name for Prometheus is this one with the unit, and `_total` behind that of a counter. */
export function metricNameOf({ name, unit }: Pick<Family, 'name' | 'unit'>): string {
  const short = unit === undefined ? name : name.slice(0, -`_${unit}`.length);
  return runtimeNames[name] ?? `${scopeName}.${short}`;
}

/** In UCUM. A gauge with the unit 1 would be taken for a ratio. */
export function metricUnitOf({ unit, counts }: Pick<Family, 'unit' | 'counts'>): string {
  if (unit !== undefined) return units[unit];
  return counts === undefined ? '' : `{${counts}}`;
}
