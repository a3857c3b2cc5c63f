import { Buffer } from 'node:buffer';

import { BatchBuilder, Origin } from '../batch/index.ts';
import {
  type Clock,
  type Cut,
  deadLetterSchema,
  excerptRecord,
  type FailedRecord,
  type RecordExcerpt,
} from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import { recordFailed } from '../observe/events.ts';
import type { Emitter } from '../observe/emitter.ts';
import type { RecordFailure } from '../observe/snapshot.ts';
import type { BatchTrace } from '../observe/tracing.ts';
import type { OnRowError } from './description.ts';
import type { Observed } from './observed.ts';
import { type FailedRowRecord, toldOf } from './report.ts';
import type { SinkWriter } from './sink-writer.ts';

/**
 * Takes a component's failed records to the dead letters. `trace`: what the spans of those belong to
 * that became no row.
 */
export type Settle = (observed: Observed, trace?: BatchTrace | null) => Promise<void>;

export interface DeadLettersParts {
  readonly pipeline: string;
  readonly onRowError: OnRowError;
  /** Whether logs and figures may tell of a record what it holds. */
  readonly logBodies: boolean;
  /** Called once, when the first record fails at the latest; undefined where nothing takes them. */
  readonly createWriter: () => Promise<SinkWriter | undefined>;
  /** Opens the writer, unless that is done or under way. */
  readonly openWriter: () => Promise<void>;
  readonly clock: Clock;
  readonly emitter: Emitter;
  /** Takes out of a partition or message what may not be shown. */
  readonly scrub: (text: string) => string;
}

type Failure = FailedRecord | FailedRowRecord;

/** Takes the records that failed anywhere in a run, one component's at a time. */
export class DeadLetters {
  readonly #parts: DeadLettersParts;
  readonly #builder = new BatchBuilder(deadLetterSchema, { source: 'dead-letters' });
  #writer: SinkWriter | undefined;
  #created: Promise<void> | undefined;
  #turn: Promise<void> = Promise.resolve();
  readonly #lastFailures: RecordFailure[] = [];

  constructor(parts: DeadLettersParts) {
    this.#parts = parts;
  }

  /** Dead letters committed so far. */
  get count(): number {
    return this.#writer?.committed ?? 0;
  }

  /** The last records that failed, the oldest first. */
  get lastFailures(): readonly RecordFailure[] {
    return this.#lastFailures;
  }

  /** Does with a component's failed records what the pipeline says. Waits while the sink is full. */
  readonly settle: Settle = async (observed, trace) => {
    const { tally } = observed;
    if (tally.failures.length === 0) return;
    const failures = tally.takeFailures();
    const { onRowError } = this.#parts;
    for (const failure of failures) this.#tell(observed, failure);
    await observed.logTaken();
    if (onRowError === 'fail') {
      // Nothing takes them: the run ends where they stand.
      tally.dead -= failures.length;
      throw rowFailed(observed, failures[0]!, this.#parts.logBodies);
    }
    if (onRowError === 'drop') {
      tally.dead -= failures.length;
      for (const { reason } of failures) tally.dropped(reason, 1);
      return;
    }
    const traceOf = (failure: Failure): BatchTrace | null | undefined =>
      'recordId' in failure ? failure.trace : trace;
    // Those of one batch together, so that they belong to its spans.
    for (const [of, some] of Map.groupBy(failures, traceOf)) {
      await this.#inTurn(() => this.#write(observed, some, of));
    }
  };

  #tell(observed: Observed, failure: Failure): void {
    const { emitter, onRowError, logBodies, scrub, clock } = this.#parts;
    const { id: stage } = observed;
    const { reason } = failure;
    const [eventId, message] = [idOf(observed, failure), scrub(toldOf(failure, logBodies))];
    const short = message.slice(0, messageLengthMax);
    this.#lastFailures.push({ eventId, stage, reason, message: short, at: clock.now() });
    if (this.#lastFailures.length > lastFailuresMax) this.#lastFailures.shift();
    const fields = {
      eventId,
      status: 'failed',
      stage,
      reason,
      message,
      source: 'recordId' in failure ? failure.source : observed.id,
      partition: scrub(failure.partition),
      offset: failure.position,
      outcome: outcomes[onRowError],
      record: logBodies ? scrub(excerptOf(failure).record) : undefined,
    };
    emitter.emit(recordFailed, fields, { log: observed.log });
  }

  async commit(cut: Cut): Promise<void> {
    await this.#inTurn(async () => this.#writer?.commit(cut));
  }

  /** Makes the sink now, for one that the pipeline names: it is opened with the others. */
  create(): Promise<void> {
    return (this.#created ??= this.#create());
  }

  async #create(): Promise<void> {
    this.#writer = await this.#parts.createWriter();
  }

  /** The sink does one thing at a time. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    return (this.#turn = this.#turn.then(work));
  }

  async #write(
    observed: Observed,
    failures: readonly Failure[],
    trace: BatchTrace | null | undefined,
  ): Promise<void> {
    await this.create();
    await this.#parts.openWriter();
    const writer = this.#writer;
    if (writer === undefined) return;
    const { pipeline, clock, scrub } = this.#parts;
    for (const failure of failures) {
      const row = 'recordId' in failure;
      this.#builder.append({
        time: clock.now(),
        pipeline,
        source: row ? failure.source : observed.id,
        partition: scrub(failure.partition),
        position: failure.position,
        component: observed.id,
        reason: failure.reason,
        message: scrub(failure.message).toWellFormed(),
        ...excerptOf(failure),
        recordId: idOf(observed, failure),
      });
    }
    const batch = this.#builder.finish();
    batch.origin.trace = trace;
    await writer.write(batch);
    const [refused] = writer.takeRefused();
    if (refused !== undefined) throw deadLetterRefused(writer.id, refused, this.#parts.logBodies);
  }
}

/** How many failed records are remembered, and how much of what is wrong with one. */
const lastFailuresMax = 20;
const messageLengthMax = 500;

const outcomes: Readonly<Record<OnRowError, string>> = {
  'dead-letter': 'dead-letter',
  drop: 'dropped',
  fail: 'run-failed',
};

/** The id of a record; of one that became no row, the one that its row would have had. */
function idOf({ id }: Observed, failure: Failure): string {
  if ('recordId' in failure) return failure.recordId;
  return new Origin(id, failure.partition, failure.position).recordId(0);
}

function excerptOf(failure: Failure): RecordExcerpt {
  if ('recordId' in failure)
    return excerptRecord(Buffer.from(JSON.stringify(failure.record, writable)));
  const { record, recordBytes, recordSha256 } = failure;
  return excerptRecord(record, {
    recordBytes,
    ...(recordSha256 === undefined ? {} : { recordSha256 }),
  });
}

/** What JSON has no form for: int64 as its digits, bytes as base64. */
function writable(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return value;
}

/** There is no place left for it: going on would lose it. */
function deadLetterRefused(id: string, failure: Failure, logBodies: boolean): PipelineError {
  const { reason } = failure;
  const told = toldOf(failure, logBodies);
  return new PipelineError({
    code: 'ERR_CONNECTOR_FAILED',
    place: id,
    fact: `the sink for dead letters refused one (${reason})${told === reason ? '' : `: ${told}`}`,
    remedy: 'name a sink under `deadLetters` that takes every record',
  });
}

function rowFailed(observed: Observed, failure: Failure, logBodies: boolean): PipelineError {
  const { reason, position, partition } = failure;
  return new PipelineError({
    code: 'ERR_ROW_FAILED',
    place: observed.id,
    fact: `record at ${partition === '' ? '' : `${partition}:`}${position} failed (${reason}): ${toldOf(failure, logBodies)}`,
    remedy: 'mend the record, or set `onRowError: dead-letter` to go on without it',
    cause: 'thrown' in failure ? failure.thrown : undefined,
  });
}
