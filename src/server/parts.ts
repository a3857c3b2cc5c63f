import type { Logger } from '../core/index.ts';
import type { BuildInfo, MetricsRegistry } from '../observe/index.ts';
import type { LogTail } from './log-tail.ts';

/** What a run is asked for beside its figures. What is not given is answered with 404. */
export interface ObservationParts {
  /** What is measured beside the run; the registry of the process unless given. */
  readonly registries?: readonly MetricsRegistry[];
  /** What runs, for the metrics. */
  readonly build?: BuildInfo;
  /** What the components are; asked for once. */
  readonly manifest?: () => object;
  /** The last minutes. */
  readonly flightRecorder?: () => object;
  /** The log of the run, to be followed and to be set the level of. */
  readonly logTail?: LogTail;
  /** Hears of commands, stalls, and of the server itself; nobody unless given. */
  readonly log?: Logger;
}
