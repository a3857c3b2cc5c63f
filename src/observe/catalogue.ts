import type { EventDefinition } from '../core/index.ts';
import { alertEvents } from './alerts/events.ts';
import { engineEvents } from './events.ts';
import { batchCompleted, thresholdViolated } from './health-events.ts';

/** Every event that is declared: of the engine, of alerts, and of a harness around batches. */
export const eventCatalogue: readonly EventDefinition[] = [
  ...engineEvents,
  ...alertEvents,
  batchCompleted,
  thresholdViolated,
];
