import type { JsonValue } from '../batch/index.ts';
import type { Cuts } from './checkpoint.ts';
import type { Inlet } from './inlet.ts';
import type { Observed } from './observed.ts';
import type { Outlet } from './outlet.ts';

/** What takes the flow through a part of the graph is given. */
export interface FlowParts {
  readonly inlet: Inlet;
  readonly outlet: Pick<Outlet, 'send' | 'pass' | 'close'>;
  readonly cuts: Pick<Cuts, 'isFinal' | 'reached' | 'rowsRead' | 'snapshot'>;
  /** Whether cuts are saved anywhere, so that state is worth a snapshot. */
  readonly saves: boolean;
  /** Whether the run was asked to stop before its input ended. */
  readonly isStopping: () => boolean;
  /** Takes failed rows to the dead letters. */
  readonly settle: (observed: Observed) => Promise<void>;
  /** What is observed of each component of the run. */
  readonly observedOf: (id: string) => Observed;
  /** What a component's state was when an earlier run left off. */
  readonly stateOf: (id: string) => JsonValue | undefined;
  /** Aborts when the run is stopped at once. */
  readonly signal: AbortSignal;
}
