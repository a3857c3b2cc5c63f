import type { Clock, Files } from '../../core/index.ts';
import { isPipelineError } from '../../errors.ts';

/** Takes one reading. */
export type TakeReading = (sensorId: string, value: number, unit: string) => void;

/** Something of this machine that can be read again and again. */
export interface Gauge {
  /** Gives its readings; those of a rate are over the time since the read before. */
  read(take: TakeReading): void | Promise<void>;
  close?(): void;
}

/** What gauges reach the machine through, beside `node:os`. */
export interface Machine {
  readonly clock: Clock;
  readonly files: Pick<Files, 'readText' | 'facts' | 'space'>;
}

/** The text of a file of /proc or /sys; undefined where this machine has no such file. */
export async function readSystemFile(
  { clock, files }: Machine,
  path: string,
): Promise<string | undefined> {
  try {
    // Virtual time stands still while the machine answers.
    return await clock.hold(files.readText(path));
  } catch (error) {
    if (isPipelineError(error) && error.code === 'ERR_CONNECTOR_FILE') return undefined;
    throw error;
  }
}

/** Turns counters that only rise into rates per second. */
export class Rates {
  readonly #clock: Clock;
  #before = new Map<string, number>();
  #beforeMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The rate of each counter that the last call had too; one that has fallen began anew. */
  update(counters: ReadonlyMap<string, number>): [name: string, perSecond: number][] {
    const nowMs = this.#clock.monotonic();
    const seconds = (nowMs - this.#beforeMs) / 1000;
    const rates: [string, number][] = [];
    for (const [name, count] of counters) {
      const rise = count - (this.#before.get(name) ?? NaN);
      if (rise >= 0 && seconds > 0) rates.push([name, rise / seconds]);
    }
    this.#before = new Map(counters);
    this.#beforeMs = nowMs;
    return rates;
  }
}
