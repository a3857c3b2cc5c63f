/** Every error code with the sentence that the docs show for it. Nothing else of ours is imported. */
export const errorCodes = {
  ERR_ATTRIBUTE_INVALID:
    'An attribute was given a value that its rule refuses. It keeps the value that it had.',
  ERR_BATCH_RELEASED: 'A batch or row was used after its last holder released it.',
  ERR_BATCH_FIELD: 'A batch or schema was asked for a field that it does not have.',
  ERR_BATCH_SCHEMA: 'A schema is malformed, or two schemas that must agree do not.',
  ERR_BATCH_VALUE: 'A value does not fit the kind of its field.',
  ERR_BULKHEAD_FULL: 'As many calls as may run and wait at a time do so already.',
  ERR_CIRCUIT_OPEN: 'A circuit breaker is open: the call was not made.',
  ERR_CODEC_FORMAT:
    'A file or stream cannot be decoded at all (a record that cannot is a dead letter).',
  ERR_COMPONENT_INVALID: 'A component is described wrongly, or has the name of another.',
  ERR_CONFIG_INVALID: 'A pipeline description has problems; every one of them is listed.',
  ERR_CONNECTOR_FAILED: 'A source or sink failed; its own error is the cause.',
  ERR_CONNECTOR_FILE: 'A file is missing, is a directory, may not be opened, or cannot be written.',
  ERR_CONNECTOR_FULL: 'A sink with a limit has reached it and takes no more.',
  ERR_CONNECTOR_PROTOCOL: 'A source, stage or sink broke a promise of the contract.',
  ERR_DEAD_LETTERS_FULL: 'The dead-letter sink has reached its limit and is set to fail.',
  ERR_EXPRESSION_INVALID: 'A condition cannot be parsed, or uses a name or type it cannot reach.',
  ERR_LANE_FAILED:
    'The thread of a lane ended by itself, or does not have the pipeline of the run.',
  ERR_LOG_CLOSED: 'Log lines are lost: the stream has failed or was closed, or the logger throws.',
  ERR_MEMORY_MEASURE:
    'What instances take of memory cannot be measured: they cannot be made, or not so many.',
  ERR_NODE_VERSION: 'Millrace runs on a newer Node.js than this one.',
  ERR_OUTPUT_CLOSED:
    'What reads the output has closed it (as `head` does): the run ends, and cleanly.',
  ERR_PEER_MISSING: 'An optional package is needed for this and is not installed.',
  ERR_POLICY_FUNCTION:
    'A function that a policy was given threw, which is the cause, or answered with a promise.',
  ERR_RATE_LIMITED: 'As many calls as the rate allows have been made.',
  ERR_RETRY_EXHAUSTED: 'A call failed as often as it may be tried; the last failure is the cause.',
  ERR_ROW_FAILED: 'A row failed and the pipeline says `onRowError: fail`.',
  ERR_RUN_ABORTED: 'The run was stopped before its input ended.',
  ERR_RUN_ACTIVE: 'A run of the pipeline is at work, and it runs once at a time.',
  ERR_RUN_CLOSED: 'The run is over; it takes no further command.',
  ERR_RUN_DEADLINE: 'The run could not finish what was in flight before its deadline.',
  ERR_SENSOR_READ: 'A sensor answered with something that is no reading, or not at all.',
  ERR_SERVER_LISTEN: 'The server cannot listen at the address it was given.',
  ERR_SNAPSHOT_INVALID: 'Saved state does not fit the component it is restored into.',
  ERR_STAGE_FAILED: 'A stage failed as a whole, not on one row; its own error is the cause.',
  ERR_STATE_LOCKED: 'Another run of the pipeline has its state directory.',
  ERR_TIER_INVALID: 'A tier of resources is described wrongly.',
  ERR_TIMEOUT: 'Something did not finish in the time it was given.',
} as const;

/** A code of `errorCodes`: `ERR_<AREA>_<NAME>`, explained in docs/errors.md. */
export type ErrorCode = keyof typeof errorCodes;

export interface ErrorFacts {
  readonly code: ErrorCode;
  /** Where: a component id, a field, a `file:line:column`. */
  readonly place: string;
  /** What is the case. */
  readonly fact: string;
  /** What the reader can do about it. */
  readonly remedy?: string;
  readonly cause?: unknown;
  readonly retryable?: boolean;
}

const brand: unique symbol = Symbol.for('millrace.PipelineError');

/** The base of every error Millrace throws: code, place, fact, way out, cause. */
export class PipelineError extends Error {
  /** What went wrong, for programs; the texts are for people and may change. */
  readonly code: ErrorCode;
  /** Where: a component id, a field, a path, a `file:line:column`. */
  readonly place: string;
  /** What is the case. */
  readonly fact: string;
  /** What the reader can do about it, where that is known. */
  readonly remedy: string | undefined;
  /** Whether the same may succeed a little later. */
  readonly retryable: boolean;

  constructor(facts: ErrorFacts) {
    const wayOut = facts.remedy === undefined ? '' : `; ${facts.remedy}`;
    const options = facts.cause === undefined ? undefined : { cause: facts.cause };
    super(`${facts.code} [${facts.place}] ${facts.fact}${wayOut}`, options);
    this.name = new.target.name;
    this.code = facts.code;
    this.place = facts.place;
    this.fact = facts.fact;
    this.remedy = facts.remedy;
    this.retryable = facts.retryable ?? false;
    Object.defineProperty(this, brand, { value: true });
  }
}

/** True for a `PipelineError` of any installed copy of Millrace. */
export function isPipelineError(value: unknown): value is PipelineError {
  try {
    return typeof value === 'object' && value !== null && brand in value;
  } catch {
    // A proxy that shows nothing.
    return false;
  }
}

/** The text of anything that was thrown. */
export function reasonOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? (thrown.message as unknown) : thrown);
  } catch {
    return 'something that cannot be shown as text';
  }
}
