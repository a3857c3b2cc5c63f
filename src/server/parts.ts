import type { Logger } from '../core/index.ts';
import type { LogTail } from './log-tail.ts';

/** What a run is asked for beside its figures. What is not given is answered with 404. */
export interface ObservationParts {
  /** The text of the metrics, in the format that `accept` asks for. */
  readonly metrics?: (accept: string) => { readonly type: string; readonly text: string };
  /** The components and what flows between them; asked for once. */
  readonly topology?: () => object;
  /** What the components are; asked for once. */
  readonly manifest?: () => object;
  /** The alerts as they are now; asked for once a second. */
  readonly alerts?: () => object;
  /** The last minutes. */
  readonly flightRecorder?: () => object;
  /** The log of the run, to be followed and to be set the level of. */
  readonly logTail?: LogTail;
  /** Hears of commands, stalls, and of the server itself; nobody unless given. */
  readonly log?: Logger;
}
