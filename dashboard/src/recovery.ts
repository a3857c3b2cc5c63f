import type { ComponentReport, RunStats } from '../../src/server/api-types.ts';
import { count } from './format.ts';
import { health } from './live.ts';
import { grownOf } from './recent.ts';

/** Since when what was wrong with a component is over; undefined where something still is. */
export function overSinceOf(component: string): number | undefined {
  const times = (health.value?.reasons ?? [])
    .filter((reason) => reason.component === component)
    .map(({ overSince }) => overSince);
  return times.every((at) => at !== undefined) && times.length > 0 ? Math.max(...times) : undefined;
}

/** Whether something is wrong with a component that is not over. */
export function isIll(component: string): boolean {
  return (health.value?.reasons ?? []).some(
    (reason) => reason.component === component && reason.overSince === undefined,
  );
}

/** What is well of it. */
export function wellTextOf({ sensors, policy }: ComponentReport): string {
  const breakers = policy?.breakers.total ?? 0;
  return [
    ...(sensors === undefined
      ? []
      : [`${count(sensors.byState.live)} of ${count(sensors.total)} sensors live`]),
    ...(breakers === 0
      ? []
      : [`${count(policy!.breakers.byState.closed)} of ${count(breakers)} breakers closed`]),
    ...(sensors === undefined && breakers === 0 ? ['nothing stands in any more'] : []),
  ].join(', ');
}

/** What its calls failed with last, where they do; of records, the last that failed. */
export function causeOf(
  { lastFailures }: RunStats,
  report: ComponentReport | undefined,
): string | undefined {
  if (report === undefined) return undefined;
  const { id, callErrors = {}, policy, sensors } = report;
  const { breakers } = policy ?? {};
  const isOut =
    breakers?.total !== breakers?.byState.closed ||
    sensors?.total !== sensors?.byState.live ||
    grownOf(id, 'failed calls').grown > 0;
  const [, message] = isOut ? (Object.entries(callErrors).at(-1) ?? []) : [];
  if (message !== undefined) return withoutId(message, sensors?.worst ?? []);
  const isFailing = grownOf(id, 'failed').grown > 0;
  return isFailing ? lastFailures.findLast(({ stage }) => stage === id)?.message : undefined;
}

/** Of several sensors that fail, the last is not the one that is meant. */
function withoutId(message: string, sensors: readonly { readonly id: string }[]): string {
  const sensor = sensors.find(({ id }) => message.startsWith(`${id}: `));
  return sensor === undefined ? message : message.slice(sensor.id.length + 2);
}
