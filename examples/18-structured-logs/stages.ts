import { Batch, type Cut, isCut, type Logger, type Schema, type Stage } from 'millrace';

export type Fields = { readonly id: 'int32'; readonly value: 'float64' };

interface Reading {
  readonly id: number;
  readonly value: number;
}

/** A stage that logs: its readings at DEBUG, its batches at INFO. */
abstract class LoggedStage implements Stage<Fields> {
  protected readonly log: Logger;
  readonly #schema: Schema<Fields>;

  constructor(stageId: string, log: Logger, schema: Schema<Fields>) {
    this.log = log.bindContext({ stageId });
    this.#schema = schema;
  }

  /** Undefined where the reading goes no further. */
  protected abstract process(reading: Reading): Reading | undefined;

  async *transform(
    stream: AsyncIterable<Batch<Fields> | Cut>,
  ): AsyncGenerator<Batch<Fields> | Cut> {
    for await (const flow of stream) {
      if (isCut(flow)) {
        yield flow;
        continue;
      }
      const start = performance.now();
      const readings = flow.toRows();
      flow.release();
      const processed = readings.flatMap((reading) => {
        // The choice of whoever writes the stage: the engine logs no values by itself.
        this.log.debug('record.processed', { id: reading.id, value: reading.value });
        return this.process(reading) ?? [];
      });
      const recordsPerSecond = Math.round(readings.length / ((performance.now() - start) / 1000));
      this.log.info('batch.processed', { records: readings.length, recordsPerSecond });
      yield Batch.from(processed, this.#schema);
    }
  }
}

/** Says which readings are out of range, and keeps them. */
export class RangeCheck extends LoggedStage {
  protected process(reading: Reading): Reading {
    const [min, max] = [5, 95];
    if (reading.value < min || reading.value > max) {
      this.log.warning('value.out-of-range', { ...reading, min, max });
    }
    return reading;
  }
}

export class Normalizer extends LoggedStage {
  protected process({ id, value }: Reading): Reading {
    return { id, value: (value - 10) / 80 };
  }
}

/** Says where a reading is far from the one before. */
export class JumpCheck extends LoggedStage {
  #last: number | undefined;

  protected process(reading: Reading): Reading {
    const jump = reading.value - (this.#last ?? reading.value);
    if (Math.abs(jump) > 1.1) {
      this.log.warning('value.jumped', { id: reading.id, jump: Number(jump.toFixed(3)) });
    }
    this.#last = reading.value;
    return reading;
  }
}
