import { type Batch, BatchBuilder, type RecordOf, type Schema } from '../../batch/index.ts';
import { countedPosition } from '../../core/counted-position.ts';
import {
  endOfInput,
  type Policy,
  type Position,
  type SensorReport,
  type SourceConnector,
  type SourceContext,
  Ticks,
  type Timer,
} from '../../core/index.ts';
import { bulkhead, wrap } from '../../resilience/index.ts';
import type { SensorFields } from './types.ts';
import type { ParsedOptions } from './options.ts';
import { type Places, Poll } from './poll.ts';

/** Positions count rows: each tick that is taken gives one of every sensor. */
export class SensorsConnector implements SourceConnector {
  readonly #options: ParsedOptions;
  readonly #schema: Schema<SensorFields>;
  readonly #context: SourceContext;
  readonly #polls: readonly Poll[];
  readonly #timer: Timer;
  #builder: BatchBuilder<SensorFields>;
  #ticks: Ticks | undefined;
  /** Rows of a tick that no batch had room for yet. */
  #waiting: RecordOf<SensorFields>[] = [];
  #position = 0;
  #onDeadline: () => void = nothing;

  constructor(options: ParsedOptions, schema: Schema<SensorFields>, context: SourceContext) {
    const places = placesOf(options, context.id);
    this.#options = options;
    this.#schema = schema;
    this.#context = context;
    this.#polls = options.sensors.map((sensor) => new Poll(sensor, options, places, context));
    this.#timer = context.clock.timer(() => this.#onDeadline());
    this.#builder = new BatchBuilder(schema, { source: context.id });
  }

  open(from: Position | undefined): Promise<void> {
    const { id: source, clock } = this.#context;
    const rows = countedPosition(from, source, 'readings');
    // A tick of which a part was read is over by now.
    this.#position = Math.ceil(rows / this.#polls.length) * this.#polls.length;
    this.#builder = new BatchBuilder(this.#schema, { source, position: this.#position });
    this.#ticks = new Ticks(clock, this.#options.everyMs);
    return Promise.resolve();
  }

  async read(signal: AbortSignal): Promise<Batch | typeof endOfInput> {
    signal.throwIfAborted();
    if (this.#waiting.length === 0) {
      const { count = Infinity } = this.#options;
      if (this.#position >= count * this.#polls.length) return endOfInput;
      await this.#pollAll(signal);
    }
    const { rowsMax, bytesMax } = this.#context.batchLimits;
    const builder = this.#builder;
    let taken = 0;
    do builder.append(this.#waiting[taken++]!);
    while (taken < this.#waiting.length && taken < rowsMax && builder.bytes < bytesMax);
    this.#waiting.splice(0, taken);
    this.#position += taken;
    return builder.finish();
  }

  position(): Position {
    return this.#position;
  }

  sensors(): readonly SensorReport[] {
    return this.#polls.map((poll) => poll.report).filter((report) => report !== undefined);
  }

  policies(): readonly Policy[] {
    return this.#polls.flatMap(({ policies }) => policies);
  }

  close(): Promise<void> {
    this.#timer.stop();
    for (const poll of this.#polls) poll.close();
    return Promise.resolve();
  }

  /** Asks every sensor that is not still busy with the tick before. */
  async #pollAll(signal: AbortSignal): Promise<void> {
    const { report, clock } = this.#context;
    const { everyMs, deadlineMs = everyMs } = this.#options;
    const { skipped } = await this.#ticks!.take(signal);
    signal.throwIfAborted();
    report.counted('ticks.skipped', skipped);
    // From the tick itself, so that the next one need not wait; but where this one was taken late, as
    // after a pause, the sensors still have time to answer.
    const lateMs = everyMs - this.#ticks!.waitMs;
    const waitMs = Math.max(deadlineMs - lateMs, deadlineMs / 2);
    const timestamp = clock.now();
    // Who has not been asked for longest goes first, where there are too few places for all.
    const started = this.#polls
      .toSorted((one, other) => one.askedMs - other.askedMs)
      .map((poll) => poll.start(everyMs))
      .filter((read) => read !== undefined);
    await this.#settled(Promise.all(started), clock.monotonic() + waitMs, signal);
    this.#waiting = this.#polls.map((poll) => poll.row(timestamp));
  }

  /** Waits for the reads, no longer than to the deadline. */
  #settled(reads: Promise<unknown>, deadlineAtMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#timer.stop();
        signal.removeEventListener('abort', abort);
      };
      const go = (): void => {
        // The timer may be that of a later wait by now.
        if (this.#onDeadline !== go) return;
        stop();
        resolve();
      };
      const abort = (): void => {
        this.#onDeadline = nothing;
        stop();
        reject(signal.reason as Error);
      };
      this.#onDeadline = go;
      this.#timer.set(deadlineAtMs);
      signal.addEventListener('abort', abort);
      void reads.then(go);
    });
  }
}

function nothing(): void {}

/** No more sensors wait for a place than there are: each is asked once at a time. */
function placesOf({ sensors, concurrentMax }: ParsedOptions, name: string): Places {
  const queueMax = sensors.length;
  const all = bulkhead({ name, concurrentMax, queueMax });
  const some = bulkhead({ name, concurrentMax: Math.ceil(concurrentMax / 4), queueMax });
  return { all, some: wrap(some, all) };
}
