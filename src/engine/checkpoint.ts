import type { JsonValue } from '../batch/index.ts';
import { type Clock, Cut, type Position } from '../core/index.ts';

/** Positions and state that belong together: a second run can begin here. */
export interface Checkpoint {
  /** The id of the cut that it belongs to. */
  readonly cut: number;
  /** By source id. */
  readonly positions: Readonly<Record<string, Position>>;
  /** By the id of a stage, or of a source with `eventTime`. */
  readonly state: Readonly<Record<string, JsonValue>>;
}

/** Where checkpoints are kept. */
export interface CheckpointStore {
  /** The last that was saved; undefined before the first. */
  load(): Promise<Checkpoint | undefined>;
  /** Resolves once it would survive the end of the run. */
  save(checkpoint: Checkpoint): Promise<void>;
}

/** Keeps the last checkpoint in memory, as JSON, so that what is restored is what a disk would give. */
export function memoryCheckpoints(): CheckpointStore {
  let saved: string | undefined;
  return {
    load: () =>
      Promise.resolve(saved === undefined ? undefined : (JSON.parse(saved) as Checkpoint)),
    save: (checkpoint) => {
      saved = JSON.stringify(checkpoint);
      return Promise.resolve();
    },
  };
}

/** How many cuts may be on their way: a sink that stalls for hours finds no more than these. */
const openCutsMax = 8;

interface OpenCut {
  readonly cut: Cut;
  readonly positions: Map<string, Position>;
  readonly watermarks: Map<string, number>;
  readonly state: Map<string, JsonValue>;
  readonly sinks: Set<string>;
  /** Whether each position is that behind everything the source had given. */
  agrees: boolean;
}

/** Where a source is as a cut enters its stream. */
export interface Passage {
  readonly position: Position;
  readonly agrees: boolean;
  readonly watermark: number | undefined;
}

export interface CutParties {
  readonly sources: readonly string[];
  readonly sinks: readonly string[];
  /** Wakes the sources, so that an idle one passes the cut too. */
  readonly wakeSources: () => void;
  /**
   * Makes dead letters durable, saves positions and state, acknowledges the sources. There is no
   * checkpoint where the positions are not those of the state.
   */
  readonly complete: (cut: Cut, checkpoint: Checkpoint | undefined) => Promise<void>;
  readonly failed: (error: unknown) => void;
}

/** Numbers the cuts of a run and knows how far each has come. */
export class Cuts {
  readonly #parties: CutParties;
  readonly #rowsMax: number;
  readonly #open = new Map<number, OpenCut>();
  #requested = 0;
  #rowsSince = 0;
  #again = false;
  #final: number | undefined;
  #completed: Promise<void> = Promise.resolve();
  readonly #finished: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(parties: CutParties, rowsMax: number) {
    this.#parties = parties;
    this.#rowsMax = rowsMax;
  }

  /** Resolves when the final cut is complete. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Resolves when nothing is being saved or acknowledged. */
  get settled(): Promise<void> {
    return this.#completed;
  }

  /** Asks for a cut every `everyMs` until the signal aborts. */
  async requestEvery(everyMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await clock.sleep(everyMs, { signal });
        this.request();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /**
   * Asks for a cut now. While an earlier one is still on its way into the stream, or many wait for
   * a sink, it comes right after.
   */
  request(): void {
    if (this.#final !== undefined) return;
    const newest = this.#open.get(this.#requested);
    const entering = newest !== undefined && !this.#isIn(newest);
    this.#again = entering || this.#open.size >= openCutsMax;
    if (!this.#again) this.#begin();
  }

  /** Asks for the last cut of the run, behind everything that was read. */
  requestFinal(): void {
    if (this.#final !== undefined) return;
    this.#begin();
    this.#final = this.#requested;
  }

  isFinal(cut: Cut): boolean {
    return cut.id === this.#final;
  }

  /** Counts rows that entered the stream and asks for a cut when there are enough. */
  rowsRead(rows: number): void {
    this.#rowsSince += rows;
    if (this.#rowsSince >= this.#rowsMax) this.request();
  }

  /** Whether there is a cut behind `last` that a source has to put into its stream. */
  isDue(last: number): boolean {
    return this.#open.has(last + 1);
  }

  /**
   * The next cut behind `last` for a source to put into its stream, at its position. `agrees`:
   * whether that is the position behind everything it gave. `watermark`: how far its event time is,
   * where it says.
   */
  enter(source: string, last: number, { position, agrees, watermark }: Passage): Cut | undefined {
    const open = this.#open.get(last + 1);
    if (open === undefined) return undefined;
    open.positions.set(source, position);
    if (watermark !== undefined) open.watermarks.set(source, watermark);
    open.agrees &&= agrees;
    if (this.#again && this.#isIn(open)) this.request();
    return open.cut;
  }

  /** Adds the state of a stage, or what a source knows of event time, to a cut. */
  snapshot(cut: Cut, id: string, state: JsonValue): void {
    this.#open.get(cut.id)?.state.set(id, state);
  }

  /** Says in a cut how far the event time of a source is, where that is found behind the source. */
  reached(cut: Cut, source: string, watermark: number): void {
    this.#open.get(cut.id)?.watermarks.set(source, watermark);
  }

  /** A sink has committed; with the last one the cut is complete. */
  committed(cut: Cut, sink: string): void {
    const open = this.#open.get(cut.id);
    if (open === undefined) return;
    open.sinks.add(sink);
    if (open.sinks.size < this.#parties.sinks.length) return;
    this.#open.delete(cut.id);
    const checkpoint: Checkpoint = {
      cut: cut.id,
      positions: Object.fromEntries(open.positions),
      state: Object.fromEntries(open.state),
    };
    this.#completed = this.#completed
      .then(() => this.#parties.complete(cut, open.agrees ? checkpoint : undefined))
      .then(
        () => {
          if (this.isFinal(cut)) this.#finished.resolve();
        },
        (error: unknown) => this.#parties.failed(error),
      );
    if (this.#again) this.request();
  }

  /** Whether every source has put a cut into its stream. */
  #isIn({ positions }: OpenCut): boolean {
    return positions.size === this.#parties.sources.length;
  }

  #begin(): void {
    const positions = new Map<string, Position>();
    const watermarks = new Map<string, number>();
    const id = ++this.#requested;
    this.#rowsSince = 0;
    this.#open.set(id, {
      cut: new Cut(id, positions, watermarks),
      positions,
      watermarks,
      state: new Map(),
      sinks: new Set(),
      agrees: true,
    });
    this.#parties.wakeSources();
  }
}
