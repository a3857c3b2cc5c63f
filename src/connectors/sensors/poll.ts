import type { RecordOf } from '../../batch/index.ts';
import type { Policy, SensorReport, SourceContext } from '../../core/index.ts';
import { isPipelineError, reasonOf } from '../../errors.ts';
import {
  type Attempt,
  consecutiveFailures,
  ResilientSensorClient,
  type Quality,
  type SensorRead,
  type Timeout,
  timeout,
} from '../../resilience/index.ts';
import { strategyOfQuality } from '../../resilience/degradation/quality.ts';
import type { SensorFields } from './types.ts';
import { askOf, type Reading } from './ask.ts';
import type { ParsedOptions, ParsedSensor } from './options.ts';
import { SensorError, sensorReason } from './sensor-error.ts';
import { createStrategy } from './strategy.ts';

/** Where sensors wait for their turn to be asked. */
export interface Places {
  readonly all: Policy;
  /** A quarter of all, for those that took long and gave nothing the last time. */
  readonly some: Policy;
}

/** What a read came to, when by wall time, and when by monotonic time. */
interface Result {
  readonly read: SensorRead<Reading>;
  readonly timeMs: number;
  readonly atMs: number;
}

const longMs = Number.MAX_SAFE_INTEGER;

/** A sensor, its client, and the read that is under way. */
export class Poll {
  readonly #id: string;
  readonly #unit: string;
  readonly #context: SourceContext;
  readonly #client: ResilientSensorClient<Reading>;
  readonly #ask: Attempt<Reading>;
  readonly #timeout: Timeout;
  /** Whether the last attempt took long and gave nothing. */
  #hangs = false;
  #askedMs = -1;
  /** Of its own: one for all would look through as many listeners as sensors wait, for each. */
  readonly #closed = new AbortController();
  #running: Promise<void> | undefined;
  /** Of the read that has ended since the batch before, which it may have been late for. */
  #result: Result | undefined;
  #isDegraded = false;
  /** How it was at the last tick. */
  #report: Omit<SensorReport, 'substitutedBy' | 'breaker'> | undefined;
  readonly #substitutedBy: Record<string, number> = {};

  constructor(
    sensor: ParsedSensor,
    general: ParsedOptions,
    places: Places,
    context: SourceContext,
  ) {
    const { clock, random } = context;
    const { id, timeoutMs = general.timeoutMs, retry = general.retry } = sensor;
    const { breaker = general.breaker, fallback = general.fallback } = sensor;
    const { failures = 5, ...times } = breaker ?? {};
    const once: Attempt<Reading> = (signal) => this.#once(signal);
    this.#id = id;
    this.#unit = sensor.unit;
    this.#context = context;
    this.#ask = askOf(sensor, context);
    this.#timeout = timeout({ name: id, timeoutMs, clock });
    this.#client = new ResilientSensorClient<Reading>({
      name: id,
      read: (signal) => (this.#hangs ? places.some : places.all).execute(once, signal),
      retry,
      // A probe ends by itself; while it waits for its place, it has not failed.
      breaker: { opens: consecutiveFailures(failures), probeMsMax: longMs, ...times },
      strategy: createStrategy(fallback ?? {}, clock),
      clock,
      random,
    });
  }

  /** The monotonic time at which its last attempt began; -1 before the first. */
  get askedMs(): number {
    return this.#askedMs;
  }

  /** How it is; undefined before its first row. */
  get report(): SensorReport | undefined {
    const { breaker } = this.#client;
    const counts = { substitutedBy: { ...this.#substitutedBy }, breaker: breaker.state };
    return this.#report && { ...this.#report, ...counts };
  }

  /** Those that have figures. */
  get policies(): readonly Policy[] {
    const { breaker, retry } = this.#client;
    return [breaker, retry];
  }

  /** Begins to read; undefined where the read before has not ended. */
  start(everyMs: number): Promise<void> | undefined {
    // A result from before a pause is no news any more.
    const { atMs = Infinity } = this.#result ?? {};
    if (atMs + everyMs < this.#context.clock.monotonic()) this.#result = undefined;
    if (this.#running !== undefined) return undefined;
    this.#running = this.#read();
    return this.#running;
  }

  /** The row of a batch: what was read, or what stands in for it. */
  row(timestamp: number): RecordOf<SensorFields> {
    const { read, timeMs } = this.#result ?? this.#late();
    const { status, reading } = read;
    this.#result = undefined;
    const isLive = status === 'live';
    const quality = isLive ? status : (read.reading?.quality ?? 'missing');
    const reason = isLive ? null : sensorReason(read.error);
    if (!isLive) this.#count(read.reading?.quality);
    this.#log(read, reason);
    const value = reading?.value ?? null;
    const sourceTime = isLive ? timeMs : (read.reading?.sourceTimeMs ?? null);
    const wasLive = this.#report && this.#report.state === 'live';
    const since = wasLive === isLive ? this.#report!.since : timestamp;
    this.#report = {
      id: this.#id,
      field: 'value',
      state: status,
      since,
      reason,
      value,
      at: sourceTime,
    };
    return {
      sensorId: this.#id,
      timestamp,
      value,
      unit: this.#unit,
      quality,
      reason,
      sourceTime,
    };
  }

  /** Ends what is under way. */
  close(): void {
    this.#closed.abort(new Error('the source is closed'));
  }

  async #read(): Promise<void> {
    try {
      const read = await this.#client.read(this.#closed.signal);
      const { clock } = this.#context;
      this.#result = { read, timeMs: clock.now(), atMs: clock.monotonic() };
    } catch {
      // The source is closed: nobody asks for the result.
    } finally {
      this.#running = undefined;
    }
  }

  async #once(signal: AbortSignal): Promise<Reading> {
    const { clock } = this.#context;
    this.#askedMs = clock.monotonic();
    try {
      const reading = await this.#timeout.execute(this.#ask, signal);
      this.#hangs = false;
      return reading;
    } catch (error) {
      this.#hangs = clock.monotonic() - this.#askedMs > this.#timeout.timeoutMs / 2;
      if (!signal.aborted) this.#context.report.callFailed(...failureOf(this.#id, error));
      throw error;
    }
  }

  #count(quality: Quality | undefined): void {
    this.#context.report.counted(`readings.${quality ?? 'missing'}`, 1);
    if (quality === undefined) return;
    const strategy = strategyOfQuality[quality];
    this.#substitutedBy[strategy] = (this.#substitutedBy[strategy] ?? 0) + 1;
  }

  #late(): Pick<Result, 'read' | 'timeMs'> {
    this.#context.report.counted('readings.late', 1);
    const error = new SensorError(this.#id, 'late', 'had not answered when its batch went on');
    const reading = this.#client.strategy.handleFailure(this.#id, error);
    const read: SensorRead<Reading> =
      reading === undefined
        ? { status: 'missing', reading, error }
        : { status: reading.quality, reading, error };
    return { read, timeMs: 0 };
  }

  /** Once for each time that it fails, and when it is back. */
  #log(read: SensorRead<Reading>, reason: string | null): void {
    const isDegraded = read.status !== 'live';
    if (isDegraded === this.#isDegraded) return;
    this.#isDegraded = isDegraded;
    const { log } = this.#context;
    const sensor = this.#id;
    if (!isDegraded) log.info('sensor.recovered', { sensor });
    else {
      const error = 'error' in read ? reasonOf(read.error) : '';
      log.warning('sensor.degraded', { sensor, reason, error });
    }
  }
}

/** Its kind, and what it says, of which sensor. */
function failureOf(sensor: string, error: unknown): [kind: string, message: string] {
  const message = isPipelineError(error) ? error.message : `${sensor}: ${reasonOf(error)}`;
  return [sensorReason(error), message];
}
