import type { RecordOf } from '../../batch/index.ts';
import type { SourceContext } from '../../core/index.ts';
import { reasonOf } from '../../errors.ts';
import {
  type Bulkhead,
  consecutiveFailures,
  ResilientSensorClient,
  type SensorRead,
  timeout,
  wrap,
} from '../../resilience/index.ts';
import type { SensorFields } from './types.ts';
import { askOf, type Reading } from './ask.ts';
import type { ParsedOptions, ParsedSensor } from './options.ts';
import { SensorError, sensorReason } from './sensor-error.ts';
import { createStrategy } from './strategy.ts';

/** A sensor, its client, and the read that is under way. */
export class Poll {
  readonly #id: string;
  readonly #unit: string;
  readonly #context: SourceContext;
  readonly #client: ResilientSensorClient<Reading>;
  #running: Promise<void> | undefined;
  /** Of the read that has ended since the batch before, which it may have been late for. */
  #result: { readonly read: SensorRead<Reading>; readonly timeMs: number } | undefined;
  #isDegraded = false;

  /** `places`: how many sensors are asked at a time, among all of them. */
  constructor(
    id: string,
    sensor: ParsedSensor,
    general: ParsedOptions,
    places: Bulkhead,
    context: SourceContext,
  ) {
    const { clock, random } = context;
    const { timeoutMs = general.timeoutMs, retry = general.retry } = sensor;
    const { breaker = general.breaker, fallback = general.fallback } = sensor;
    const { failures = 5, ...times } = breaker ?? {};
    const ask = askOf(id, sensor, context);
    const once = wrap(places, timeout({ name: id, timeoutMs, clock }));
    this.#id = id;
    this.#unit = sensor.unit;
    this.#context = context;
    this.#client = new ResilientSensorClient<Reading>({
      name: id,
      read: (signal) => once.execute(ask, signal),
      retry,
      breaker: { opens: consecutiveFailures(failures), ...times },
      strategy: createStrategy(fallback ?? {}, clock),
      clock,
      random,
    });
  }

  /** Begins to read; undefined where the read before has not ended. */
  start(signal: AbortSignal): Promise<void> | undefined {
    if (this.#running !== undefined) return undefined;
    this.#running = this.#read(signal);
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
    if (!isLive) this.#context.report.counted(`readings.${quality}`, 1);
    this.#log(read, reason);
    return {
      sensorId: this.#id,
      timestamp,
      value: reading?.value ?? null,
      unit: this.#unit,
      quality,
      reason,
      sourceTime: isLive ? timeMs : (read.reading?.sourceTimeMs ?? null),
    };
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      const read = await this.#client.read(signal);
      this.#result = { read, timeMs: this.#context.clock.now() };
    } catch {
      // The source is closed: nobody asks for the result.
    } finally {
      this.#running = undefined;
    }
  }

  #late(): { read: SensorRead<Reading>; timeMs: number } {
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
