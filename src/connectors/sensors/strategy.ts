import type { Clock } from '../../core/index.ts';
import {
  chain,
  constant,
  type DegradationStrategy,
  dropStrategy,
  interpolated,
  lastKnownGood,
} from '../../resilience/index.ts';
import type { SensorPatience, SensorStrategy } from './types.ts';
import type { Reading } from './ask.ts';

/** The strategy that options describe, for one sensor. */
export function createStrategy(
  options: NonNullable<SensorPatience['fallback']>,
  clock: Clock,
): DegradationStrategy<Reading> {
  const { strategy = 'last-known-good', ageMsMax, gapMsMax, method, value = 0 } = options;
  const created = [strategy].flat().map((name: SensorStrategy): DegradationStrategy<Reading> => {
    switch (name) {
      case 'drop':
        return dropStrategy();
      case 'last-known-good':
        return lastKnownGood({ ageMsMax, clock });
      case 'interpolated':
        return interpolated({ gapMsMax, method, clock });
      case 'constant':
        return constant({ value });
    }
  });
  return created.length === 1 ? created[0]! : chain(...created);
}
