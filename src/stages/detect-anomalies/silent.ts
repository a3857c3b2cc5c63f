import type { StageContext } from '../../core/index.ts';
import type { KeyedState, SlotTable } from '../../core/keyed.ts';
import { masked } from '../../core/mask.ts';
import { NumberReader } from '../../core/rolling.ts';
import type { Detector } from './detector.ts';

export interface SilentOptions {
  /** The field or fields that the keys are made of. */
  readonly by: string | readonly string[] | undefined;
  /** Timestamp field. */
  readonly time: string;
  /** The longest time without a row that is still normal. */
  readonly afterMs: number;
}

const warningsPerBatchMax = 20;
const seen = 0;
const warned = 1;

/**
 * Finds the first row of a key after more than `afterMs` of event time without one. No row can be
 * marked that did not come, so when the rows of other keys show that a key is silent, it is logged
 * as `sensor.silent`, once for each silence, behind the batch that shows it.
 */
export function createSilent(
  state: KeyedState,
  { by = [], time, afterMs }: SilentOptions,
  { input, log }: StageContext,
): Detector {
  const isHidden = (name: string): boolean => input.field(name).sensitive === true;
  const hidesKey = [by].flat().some(isHidden);
  const hidesTime = isHidden(time);
  const warn = (slot: number, lastTime: number, silentMs: number): void => {
    const key = hidesKey ? masked : state.keyAt(slot);
    log.warning('sensor.silent', { key, lastTime: hidesTime ? masked : lastTime, silentMs });
  };
  const table = state.table('silent', 1, 2);
  const reader = new NumberReader(time);
  let latest = -Infinity;
  // No key can be silent before: what has come since is later, by `afterMs` at least.
  let due = -Infinity;
  return ({ batch, slots }, scores) => {
    const times = reader.read(batch);
    const { values: lasts, counters } = table;
    for (let at = 0; at < batch.length; at++) {
      const slot = slots === null ? 0 : table.open(slots[at]!);
      const now = times[at]!;
      scores[at] = 0;
      if (now !== now) continue;
      const isFirst = counters[2 * slot + seen] === 0;
      const gapMs = isFirst ? 0 : now - lasts[slot]!;
      if (isFirst || gapMs > 0) lasts[slot] = now;
      counters[2 * slot + seen] = 1;
      if (gapMs > 0) counters[2 * slot + warned] = 0;
      scores[at] = Math.max(0, gapMs) / afterMs;
      latest = Math.max(latest, now);
      due = Math.min(due, lasts[slot]! + afterMs);
    }
    if (latest > due) due = warnOfSilence(state, table, latest, afterMs, warn);
  };
}

/** Logs the keys that are silent at `latest`; gives the time at which the next one could be. */
function warnOfSilence(
  state: KeyedState,
  { values: lasts, counters }: SlotTable,
  latest: number,
  afterMs: number,
  warn: (slot: number, lastTime: number, silentMs: number) => void,
): number {
  let due = Infinity;
  let warnings = 0;
  for (let slot = 0; slot < state.slotsUsed; slot++) {
    if (counters[2 * slot + seen] === 0 || counters[2 * slot + warned] === 1) continue;
    const lastTime = lasts[slot]!;
    const silentMs = latest - lastTime;
    if (silentMs > afterMs && warnings < warningsPerBatchMax) {
      warn(slot, lastTime, silentMs);
      counters[2 * slot + warned] = 1;
      warnings++;
    } else {
      due = Math.min(due, lastTime + afterMs);
    }
  }
  return due;
}
