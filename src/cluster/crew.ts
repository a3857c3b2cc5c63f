import { MessageChannel, type MessagePort } from 'node:worker_threads';

import { chunkSchema } from '../batch/codec/chunks.ts';
import { type Cut, isCut, type Logger, logAt } from '../core/index.ts';
import type { FlowParts } from '../engine/flow-parts.ts';
import { takeFlow } from '../engine/inlet.ts';
import { aborted } from '../engine/limit.ts';
import type { Observed } from '../engine/observed.ts';
import type { Plan } from '../engine/planned.ts';
import { Wakeup } from '../engine/wakeup.ts';
import { withoutSecretFields } from '../observe/masked-fields.ts';
import type { LaneStats } from '../observe/snapshot.ts';
import type { ChunkTimes } from './chunk-times.ts';
import { failuresOf } from './failure-messages.ts';
import { fingerprintOf } from './fingerprint.ts';
import { rowsBytes, rowsSlots } from './peer-post.ts';
import { savedStates } from './saved-state.ts';
import { Slots } from './slots.ts';
import { type Done, LaneThread } from './lane-thread.ts';
import type { LaneWorkers } from './lane-workers.ts';
import type { LaneOrigin, LanePipeline, LaneSettings, PartMessage } from './messages.ts';
import { planMessage } from './plan-message.ts';

/** Pieces of work that a lane may have at a time: one in hand, others so that it never waits. */
const inFlightMax = 3;

/** What the lanes of a run are. */
export interface CrewParts {
  /** The pipeline, as it would run on one thread. */
  readonly plan: Plan;
  readonly count: number;
  readonly by: readonly string[] | null;
  readonly workers: LaneWorkers;
  readonly origin: LaneOrigin;
  /** Event time of the sources whose rows lanes look at, by their ids. */
  readonly times: ReadonlyMap<string, ChunkTimes>;
}

/** A piece of work, or a cut, on its way through the lanes, in the order in which they came. */
interface Piece {
  readonly cut?: Cut;
  /** By source id, for how long it had been read at a cut, of those whose rows lanes look at. */
  readonly sourceReadMs?: ReadonlyMap<string, number>;
  /** When the source gave a piece of work, and which that was. */
  readonly readMs?: number | undefined;
  readonly source?: string;
  /** What is due from lanes, by their numbers. */
  readonly from: readonly number[];
  /** What came, by the same. */
  readonly done: Map<number, Done>;
}

/**
 * Takes the flow through lanes: pieces of work go out to them in the order of the source, and what
 * comes of them goes on in that order, cuts between. So positions, cuts and output are those of one lane.
 */
export class Crew {
  readonly #parts: CrewParts;
  #flow: FlowParts | undefined;
  #lanes: readonly LaneThread[] = [];
  /** In the order in which they came; the first goes on next. */
  readonly #pieces: Piece[] = [];
  /** Those that lanes are at work on, by the number that they have there. */
  readonly #given = new Map<number, Piece>();
  #sequence = 0;
  /** When the source gave what went on last. */
  #readMs: number | undefined;
  #ended = false;
  readonly #changed = { intake: new Wakeup(), delivery: new Wakeup() };
  readonly #failed: PromiseWithResolvers<never> = Promise.withResolvers();

  constructor(parts: CrewParts) {
    this.#parts = parts;
    // Met by whoever waits for it, or by nobody.
    this.#failed.promise.catch(() => {});
  }

  /** From the first flow to the end of the last. */
  async run(flow: FlowParts): Promise<void> {
    const { clock } = this.#parts.plan.outside;
    const over = new AbortController();
    this.#flow = flow;
    try {
      this.#lanes = this.#start(flow);
      for (const { load } of this.#lanes) void load.watch(clock, over.signal);
      await Promise.race([
        Promise.all([this.#takeIn(flow), this.#deliver(flow)]),
        this.#failed.promise,
        aborted(flow.signal).then(() => flow.signal.throwIfAborted()),
      ]);
    } finally {
      over.abort();
      this.measure();
      await Promise.all(this.#lanes.map((lane) => lane.end()));
    }
  }

  #start({ stateOf, observedOf, saves }: FlowParts): LaneThread[] {
    const { plan, count, by, workers, origin, times } = this.#parts;
    const ids = [...plan.sources, ...plan.stages].map(({ node }) => node.id);
    const peers = portsBetween(by === null ? 0 : count);
    const rows = peers.map(() => Slots.memory(rowsSlots * (count - 1), rowsBytes));
    for (const [id, of] of times) of.open(observedOf(id).tally, stateOf(id));
    const stages = plan.stages.map(({ node }) => node.id);
    const states = savedStates({ stages, sources: [...times.keys()], stateOf, count, by });
    const pipeline: LanePipeline =
      'module' in origin
        ? { ...origin, fingerprint: fingerprintOf(plan) }
        : { ...origin, plan: planMessage(plan) };
    const every = { count, by, pipeline, saves, rows };
    const lane = (state: LaneSettings['state'], index: number): LaneThread =>
      new LaneThread({
        settings: { ...every, index, state, peers: peers[index] ?? [] },
        worker: workers.take(index),
        ids,
        clock: plan.outside.clock,
        done: (of, message) => this.#done(of, message),
        log: ({ component, level, event, fields = {} }) => {
          const shown = withoutSecretFields(fields, plan.scrub);
          logAt(logOf(observedOf, component), level, event, shown);
        },
        failed: (error) => this.#failed.reject(error),
      });
    return states.map(lane);
  }

  /** Gives out what comes, as far as the lanes have room. */
  async #takeIn(flow: FlowParts): Promise<void> {
    const { inlet, observedOf, signal } = flow;
    const { by, plan, times } = this.#parts;
    const sources = new Map(plan.sources.map(({ node }, index) => [node.id, index]));
    const observed = observedOf(crewId);
    const every = [...this.#lanes.keys()];
    for (;;) {
      const taken = await takeFlow(inlet, observed, signal);
      if (taken === undefined) break;
      if (isCut(taken)) {
        this.#takeCut(flow, taken, by === null ? [] : every);
        continue;
      }
      while (this.#pieces.length >= inFlightMax * this.#lanes.length) {
        await this.#changed.intake.wait();
        if (signal.aborted) taken.release();
        signal.throwIfAborted();
      }
      const lane = this.#leastBusy();
      const { source, readMs } = taken.origin;
      if (taken.schema.equals(chunkSchema)) uncount(observedOf(source), taken.length);
      const from = by === null ? [lane] : every;
      const sequence = this.#add({ source, readMs, from, done: new Map() });
      const asRead = times.get(source)?.asRead(taken) ?? null;
      this.#lanes[lane]!.give(sequence, sources.get(source)!, taken, asRead);
    }
    this.#ended = true;
    this.#changed.delivery.set();
  }

  /** Where rows stay where they were read, lanes keep nothing, and see no cuts. */
  #takeCut({ cuts, isStopping }: FlowParts, cut: Cut, from: readonly number[]): void {
    const { id, watermarks } = cut;
    const sourceReadMs = new Map(
      [...this.#parts.times].map(([source, times]) => [source, times.takeReadMs(id)]),
    );
    const sequence = this.#add({ cut, sourceReadMs, from, done: new Map() });
    const at = { isFinal: cuts.isFinal(cut), isStopping: isStopping() };
    for (const lane of from) {
      const message = { sequence, id, watermarks, readMs: sourceReadMs, ...at };
      this.#lanes[lane]!.pass({ type: 'cut', ...message });
    }
  }

  /** Gives the number that lanes know it by, which go on one by one: what none of them sees has none. */
  #add(piece: Piece): number {
    this.#pieces.push(piece);
    this.#changed.delivery.set();
    if (piece.from.length === 0) return -1;
    this.#given.set(this.#sequence, piece);
    return this.#sequence++;
  }

  #leastBusy(): number {
    let least = 0;
    for (const [index, { inFlight }] of this.#lanes.entries()) {
      if (inFlight < this.#lanes[least]!.inFlight) least = index;
    }
    return least;
  }

  #done(lane: number, message: Done): void {
    const piece = this.#given.get(message.sequence)!;
    piece.done.set(lane, message);
    if (piece.done.size === piece.from.length) this.#given.delete(message.sequence);
    this.#changed.delivery.set();
  }

  /** Hands on what is done, in the order in which it came. */
  async #deliver(flow: FlowParts): Promise<void> {
    for (;;) {
      const [piece] = this.#pieces;
      if (piece !== undefined && piece.done.size === piece.from.length) {
        await this.#handOn(flow, piece);
        if (piece.cut !== undefined) await this.#pass(flow, piece.cut, piece);
        this.#pieces.shift();
        this.#changed.intake.set();
      } else if (this.#ended && piece === undefined) return;
      else await this.#changed.delivery.wait();
    }
  }

  async #handOn(flow: FlowParts, { from, done, source, readMs }: Piece): Promise<void> {
    const { outlet, observedOf, settle, cuts, signal } = flow;
    // What stages give at a cut was read before it.
    this.#readMs = readMs ?? this.#readMs;
    for (const lane of from) {
      const { products, parts, times } = done.get(lane)!;
      if (times !== null) this.#parts.times.get(source!)!.note(times);
      for (const part of parts) {
        const observed = observedOf(part.id);
        count(observed, part);
        if (observed.kind === 'source') cuts.rowsRead(part.rowsIn);
        for (const failures of part.failures) {
          observed.tally.addDead(failuresOf(failures));
          await settle(observed);
        }
      }
      for (const product of products) {
        for (const batch of this.#lanes[lane]!.products(product)) {
          signal.throwIfAborted();
          batch.origin.readMs = this.#readMs;
          await outlet.send(product.sink, batch);
        }
      }
    }
  }

  async #pass(flow: FlowParts, cut: Cut, { from, done, sourceReadMs }: Piece): Promise<void> {
    const { plan, times, by } = this.#parts;
    const kept = from.map((lane) => done.get(lane)!.kept!);
    for (const { node } of plan.stages) {
      const observed = flow.observedOf(node.id);
      const held = sumOf(kept.flatMap((of) => (node.id in of.held ? [of.held[node.id]!] : [])));
      observed.held = () => held;
      observed.checkLedger();
      const states = kept.map(({ state }) => state[node.id]);
      if (states.length > 0 && states.every((state) => state !== undefined)) {
        flow.cuts.snapshot(cut, node.id, { lanes: states, routedBy: [...by!] });
      }
    }
    for (const [id, of] of times) {
      const { watermark, state } = of.reachedAt(sourceReadMs!.get(id)!);
      // That of an input that has ended is known where it was read.
      if (!cut.watermarks.has(id)) flow.cuts.reached(cut, id, watermark);
      if (flow.saves) flow.cuts.snapshot(cut, id, state);
    }
    await flow.outlet.pass(cut);
  }

  /** Takes into the figures of the run what was measured on the lanes since. */
  measure(): void {
    if (this.#flow === undefined) return;
    for (const lane of this.#lanes) lane.measure(this.#flow.observedOf);
  }

  busyMs(id: string): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.busyMs(id), 0);
  }

  stats(nowMs: number): LaneStats[] {
    return this.#lanes.map((lane) => lane.stats(nowMs, lane.inFlight / inFlightMax));
  }
}

/** The id of what stands in the graph for all stages; no component can have it. */
export const crewId = '(lanes)';

/** A chunk was counted as a record when it was read; its records are counted when they are known. */
function uncount({ meter }: Observed, rows: number): void {
  meter.rowsIn -= rows;
  meter.rowsOut -= rows;
}

/** Null where one lane cannot say. */
function sumOf(rows: readonly (number | null)[]): number | null {
  return rows.reduce((sum, one) => (sum === null || one === null ? null : sum + one), 0);
}

/** Adds to the figures of a component what it did on a lane. */
function count(observed: Observed, { rowsIn, rowsOut, tally }: PartMessage): void {
  const { meter } = observed;
  meter.rowsIn += rowsIn;
  if (rowsIn > 0) meter.lastProgressMs = observed.now();
  meter.sent(rowsOut);
  if (tally === null) return;
  if (observed.kind === 'source') meter.rowsIn += tally.dead + tally.droppedRows;
  observed.tally.add(tally);
}

function logOf(observedOf: (id: string) => Observed | undefined, component: string): Logger {
  return (observedOf(component) ?? observedOf(crewId))!.log;
}

/** A port from each of so many lanes to each other; null to itself. */
function portsBetween(count: number): (MessagePort | null)[][] {
  const ports = Array.from({ length: count }, () =>
    new Array<MessagePort | null>(count).fill(null),
  );
  for (let one = 0; one < count; one++) {
    for (let other = one + 1; other < count; other++) {
      const { port1, port2 } = new MessageChannel();
      ports[one]![other] = port1;
      ports[other]![one] = port2;
    }
  }
  return ports;
}
