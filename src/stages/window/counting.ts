import { type Batch, type JsonValue, takeValues, giveValues } from '../../batch/index.ts';
import { type Flow, isCut, type Stage, type StageContext } from '../../core/index.ts';
import { type Key, KeyedState } from '../../core/keyed.ts';
import { NumberReader } from '../../core/rolling.ts';
import { PipelineError } from '../../errors.ts';
import type { Cells } from './cells.ts';
import { OutputRows } from './output-rows.ts';
import type { Arrived, EmitWindow, Windows } from './windows.ts';

export interface CountingOptions {
  readonly time: string;
  readonly by: string | readonly string[] | undefined;
  readonly keysMax: number;
  readonly late: 'dead-letter' | 'drop';
}

/**
 * Gathers rows into windows and gives each window when a cut says that nothing more comes before its
 * end. What is left at the end of the stream is partial: an input that has ended has no watermark
 * any more that a window could wait for.
 */
export class Counting implements Stage {
  readonly #cells: Cells;
  readonly #windows: Windows;
  readonly #options: CountingOptions;
  readonly #context: StageContext;
  readonly #state: KeyedState;
  readonly #times: NumberReader;
  readonly #output: OutputRows;
  /** The keys that slots had before, in the order in which they begin anew. */
  readonly #begun: (Key | undefined)[] = [];
  /** Windows that were given before their end. */
  #partials = 0;

  constructor(
    { cells, windows }: { readonly cells: Cells; readonly windows: Windows },
    options: CountingOptions,
    context: StageContext,
  ) {
    this.#cells = cells;
    this.#windows = windows;
    this.#options = options;
    this.#context = context;
    const begun = (_slot: number, before: Key | undefined): unknown => this.#begun.push(before);
    this.#state = new KeyedState({ ...options, begun }, context);
    this.#times = new NumberReader(options.time);
    this.#output = new OutputRows(context, cells, (key) => this.#state.valuesOf(key));
  }

  async *transform(stream: AsyncIterable<Flow>): AsyncGenerator<Flow> {
    for await (const flow of stream) {
      if (isCut(flow)) {
        this.#close(this.#context.watermark(flow), false);
        yield* this.#output.take();
        yield flow;
        continue;
      }
      try {
        this.#take(flow);
      } finally {
        flow.release();
      }
      yield* this.#output.take();
    }
    this.#close(Infinity, true);
    yield* this.#output.take();
  }

  /** Every row is absorbed as it comes: what is known of it is in the snapshot. */
  held(): number {
    return 0;
  }

  snapshot(): JsonValue {
    const [keys, windows] = [this.#state.snapshot(), this.#windows.snapshot()];
    return { keys, windows, partials: this.#partials };
  }

  restore(state: JsonValue): void {
    const { keys, windows, partials = 0 } = (state ?? {}) as Record<string, JsonValue>;
    this.#state.restore(keys ?? null);
    this.#partials = Number(partials);
    this.#begun.length = 0;
    if (this.#windows.restore(windows)) return;
    throw new PipelineError({
      code: 'ERR_SNAPSHOT_INVALID',
      place: 'state',
      fact: 'the state is of other windows, or of other computations',
      remedy: 'run the stage with the options it had, or start without its state',
    });
  }

  #take(batch: Batch): void {
    const { rows, length, origin } = batch;
    const arrived: Arrived = {
      times: this.#times.look(batch),
      slots: this.#state.slots(batch),
      rows,
      length,
      watermarks: origin.watermarks,
    };
    this.#cells.read(batch);
    const cells = takeValues(Int32Array, length);
    const detached: (() => void)[] = [];
    let added = 0;
    let refused = 0;
    let begun = 0;
    const addBefore = (at: number): void => {
      this.#cells.add(cells, added, at);
      added = at;
    };
    this.#windows.assign(arrived, {
      cells,
      refuse: (at, reason) => {
        refused++;
        this.#refuse(batch, rows[at]!, reason);
      },
      replaced: (slot) => {
        const key = this.#begun[begun++];
        if (key === undefined) return;
        const give = this.#windows.detach(slot);
        detached.push(() => give(this.#emitOf(() => key, true)));
      },
      addBefore,
    });
    this.#begun.length = 0;
    addBefore(length);
    giveValues(cells);
    for (const give of detached) give();
    this.#context.report.absorbed(length - refused);
  }

  #refuse(batch: Batch, row: number, reason: 'time.missing' | 'late'): void {
    const { report } = this.#context;
    if (reason === 'late' && this.#options.late === 'drop') report.dropped('late', 1);
    else report.failed(batch, row, reason);
  }

  #close(watermark: number, partial: boolean): void {
    const { slotsUsed } = this.#state;
    this.#windows.close(
      watermark,
      slotsUsed,
      this.#emitOf((slot) => this.#state.keyOf(slot), partial),
    );
  }

  #emitOf(keyOf: (slot: number) => Key, isPartial: boolean): EmitWindow {
    return (slot, span, cell) => {
      const partial = isPartial ? this.#partials++ : undefined;
      this.#output.add(keyOf(slot), span, cell, partial);
    };
  }
}
