import type { CircuitBreakerOptions, RetryOptions } from '../../resilience/index.ts';

/** What a sensor gives: a number, or an object that has it as `value`. */
export type SensorAnswer = number | { readonly value: number };

/** What becomes of a reading that could not be had; see docs/resilience/fallback.md. */
export type SensorStrategy = 'drop' | 'last-known-good' | 'interpolated' | 'constant';

/** How patient a sensor is read. What is given for one sensor takes the place of what is for all. */
export interface SensorPatience {
  /** How long one attempt may take, in milliseconds; 200 unless given. */
  readonly timeoutMs?: number | undefined;
  /** 3 attempts, 100 ms and 200 ms apart, unless given. */
  readonly retry?:
    Pick<RetryOptions, 'maxAttempts' | 'baseDelayMs' | 'delayMsMax' | 'jitter'> | undefined;
  /** Opens at 5 reads in a row that failed for good, for 30 seconds, unless given. */
  readonly breaker?:
    | ({ readonly failures?: number | undefined } & Pick<
        CircuitBreakerOptions,
        'openMs' | 'growth' | 'openMsMax' | 'jitter' | 'successesToClose'
      >)
    | undefined;
  /** The last known good reading unless given; of several strategies the first that has something. */
  readonly fallback?:
    | {
        readonly strategy?: SensorStrategy | readonly SensorStrategy[] | undefined;
        readonly ageMsMax?: number | undefined;
        readonly gapMsMax?: number | undefined;
        readonly method?: 'mean' | 'linear' | undefined;
        readonly value?: number | undefined;
      }
    | undefined;
}

/** A sensor: a URL that answers with JSON, or a function. */
export interface SensorOptions extends SensorPatience {
  /** Its name in the rows, of its own. */
  readonly id: string;
  readonly url?: string | undefined;
  readonly read?: ((signal: AbortSignal) => SensorAnswer | Promise<SensorAnswer>) | undefined;
  /** Where the number is in the answer of a URL, as `main.temp`; `value` unless given. */
  readonly field?: string | undefined;
  /** Of the request to a URL. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly unit?: string | undefined;
}

/** Which sensors `sensorsSource` asks, and how often. */
export interface SensorsOptions extends SensorPatience {
  /** In the order of their rows. */
  readonly sensors: readonly SensorOptions[];
  /** Milliseconds from one batch to the next; 1,000 unless given. */
  readonly everyMs?: number | undefined;
  /** How long a batch waits for its sensors, in milliseconds; `everyMs` unless given, and at most. */
  readonly deadlineMs?: number | undefined;
  /** Ends after so many batches; never unless given. */
  readonly count?: number | undefined;
  /** Sensors that are asked at a time; 64 unless given. */
  readonly concurrentMax?: number | undefined;
  /** Whether `value` is shown to nobody but an admin; false unless given. */
  readonly sensitive?: boolean | undefined;
}

/** A reading, what it is made of, and why it is not live. */
export type SensorFields = {
  readonly sensorId: 'category';
  readonly timestamp: 'timestamp';
  readonly value: 'float64?';
  readonly unit: 'category';
  readonly quality: 'category';
  readonly reason: 'category?';
  readonly sourceTime: 'timestamp?';
};
