import type { MetricsRegistry } from '../observe/metrics-registry.ts';
import type { StructuredLogger } from '../observe/log.ts';

/** What a run is asked for beside its figures. What is not given is answered with 404. */
export interface ObservationParts {
  /** What is measured beside the run; the registry of the process unless given. */
  readonly registries?: readonly MetricsRegistry[];
  /** What the components are; asked for once. */
  readonly manifest?: () => object;
  /** The last minutes. */
  readonly flightRecorder?: () => object;
  /** The log of the run, to be followed and to be set the level of. */
  readonly log?: StructuredLogger;
}
