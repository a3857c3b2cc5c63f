import { effect } from '@preact/signals';

import { isOver, previous, snapshot } from './live.ts';

/** One a second: those of a minute. */
export const valuesMax = 60;
const sensorsMax = 1000;
const values = new Map<string, (number | null)[]>();

/** The name of a sensor among those of all sources. */
export function sensorKey(source: string, id: string): string {
  return JSON.stringify([source, id]);
}

/** The last values of a sensor, as far as this page was open: one a second, oldest first. */
export function valuesOf(source: string, id: string): readonly (number | null)[] {
  return values.get(sensorKey(source, id)) ?? [];
}

effect(() => {
  if (previous.value !== undefined) values.clear();
});

// From when the page is opened, whatever it shows.
effect(() => {
  if (isOver.value) return;
  for (const { id: source, sensors } of snapshot.value?.components ?? []) {
    for (const { id, value } of sensors?.worst ?? []) keep(sensorKey(source, id), value);
  }
});

function keep(key: string, value: number | null): void {
  let kept = values.get(key);
  if (kept === undefined) {
    if (values.size >= sensorsMax) return;
    values.set(key, (kept = []));
  }
  kept.push(value);
  if (kept.length > valuesMax) kept.shift();
}
