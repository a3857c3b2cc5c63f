import type { Batch, Fields, JsonValue, Schema } from '../batch/index.ts';
import type { Flow } from './cut.ts';
import type { PolicyHolder } from './policy.ts';
import { keepsProtocol } from './protocol.ts';

/** What a stage does to the number of rows. */
export type RowsKept = 'same' | 'fewer' | 'expand' | 'reduce';

/**
 * A stage as it is normally written: one batch in, one batch out. The input may be returned itself;
 * a new batch shares its columns by `select` or `withColumns`. A row that fails goes to
 * `report.failed` and is left out; a throw fails the stage. A stage with several outputs gives a
 * batch for each by name.
 */
export type StageProcess = (
  batch: Batch,
  signal: AbortSignal,
) => Batch | Promise<Batch> | Readonly<Record<string, Batch>>;

/** State that a cut saves and a later run restores: JSON, values and never dictionary codes. */
export interface StageState {
  /** The state as it is now; later changes must not reach what was given. */
  snapshot(): JsonValue;
  /** Throws `ERR_SNAPSHOT_INVALID` where the state does not fit. */
  restore(state: JsonValue): void;
}

/** A stage function with state. */
export interface StatefulStage extends StageState, PolicyHolder {
  readonly process: StageProcess;
}

/**
 * The general form, for stages that hold batches or work concurrently. Before it yields a cut, it
 * has yielded everything that it made of the batches before that cut, or holds it in its snapshot.
 * At the end of its input it yields what it still holds. It is not asked for more where a run is
 * stopped and its snapshot saved. `In` and `Out`: the fields of the rows that come in and go out.
 */
export interface Stage<in In extends Fields = Fields, out Out extends Fields = In>
  extends Partial<StageState>, PolicyHolder {
  /** The flow that it makes of the one that comes in. */
  readonly transform: (stream: AsyncIterable<Flow<In>>) => AsyncIterable<Flow<Out>>;
  /** Input rows that it holds now. A stage that does not say cannot promise `at-least-once`. */
  held?(): number;
  /** The schema it makes of its input's; the same where it does not say. */
  readonly output?: (input: Schema<In>) => Schema<Out>;
}

/** A stage at work, in any of its forms. */
export type StageInstance = StageProcess | StatefulStage | Stage;

/** Whether a value obeys the protocol of a stage, the general form; never throws. */
export function isStage(value: unknown): value is Stage {
  return keepsProtocol(value, 'stage');
}
