import type { EventDefinition } from '../core/index.ts';
import { alertEvents } from './alerts/events.ts';
import { engineEvents } from './events.ts';
import { flightEvents } from './flight-recorder/events.ts';
import { harnessEvents } from './health-events.ts';
import { telemetryEvents } from './otel/events.ts';
import { serverEvents } from './server-events.ts';

/** Every event that is declared: of the engine, of alerts, of a harness around batches, of the server. */
export const eventCatalogue: readonly EventDefinition[] = [
  ...engineEvents,
  ...alertEvents,
  ...flightEvents,
  ...harnessEvents,
  ...serverEvents,
  ...telemetryEvents,
];
