import { Chunk } from '../batch/codec/chunks.ts';
import { capacityMax } from '../batch/buffers.ts';
import type { Batch } from '../batch/index.ts';
import { BatchReceiver, BatchSender } from '../batch/transfer.ts';
import { type BatchLimits, Cut, type DecodesChunks, isDescribed } from '../core/index.ts';
import { Components } from '../engine/components.ts';
import type { Observed } from '../engine/observed.ts';
import { onlyOutput, type Plan, type PlannedSource } from '../engine/planned.ts';
import type { Tally } from '../engine/report.ts';
import { BreakerWatch } from '../observe/breaker-watch.ts';
import { Emitter } from '../observe/emitter.ts';
import { SharedMeter } from '../observe/shared-meter.ts';
import { SlowestBatches } from '../observe/slowest-batches.ts';
import { FailureMessages } from './failure-messages.ts';
import { KeyRouter } from './key-router.ts';
import { LaneChain } from './lane-chain.ts';
import { LaneLogger, type SayLine } from './lane-log.ts';
import { LaneTimes, type PieceLook, type PieceTimes } from './lane-times.ts';
import { PeerPost, rowsBytes } from './peer-post.ts';
import { Slots } from './slots.ts';
import type {
  CutMessage,
  FromLane,
  KeptMessage,
  LaneSettings,
  PartMessage,
  ToLane,
  ToPeer,
} from './messages.ts';

/** The rows of one piece of work that a lane has to take through its stages. */
interface Share {
  readonly source: number;
  readonly batches: readonly Batch[];
  /** Where its source has event time. */
  readonly times: PieceTimes | null;
  /** What decoding it counted, on the lane that did. */
  readonly decoded: PartMessage | undefined;
}

/** What a lane tells of a piece of work beside what it came to. */
interface DoneWith {
  readonly decoded?: PartMessage | undefined;
  readonly times?: PieceTimes | null;
  readonly kept?: KeptMessage;
}

export interface LaneParts {
  readonly plan: Plan;
  readonly settings: Pick<
    LaneSettings,
    'index' | 'count' | 'by' | 'memory' | 'state' | 'saves' | 'output' | 'rows'
  >;
  readonly post: (message: FromLane, transferList?: ArrayBuffer[]) => void;
  readonly postToPeer: (lane: number, message: ToPeer, transferList: ArrayBuffer[]) => void;
}

/** One copy of the chain: decodes pieces of work, takes them through the stages, encodes what comes. */
export class Lane {
  readonly #parts: LaneParts;
  readonly #components: Components;
  readonly #sources: readonly PlannedSource[];
  readonly #decoders: (DecodesChunks | undefined)[] = [];
  /** Of sources with event time whose chunks are decoded here. */
  readonly #times: (LaneTimes | undefined)[] = [];
  readonly #chain: LaneChain;
  readonly #router: KeyRouter | undefined;
  /** By lane, where it puts the rows that it decoded for others. */
  readonly #rows: readonly Slots[];
  readonly #meters: { readonly observed: Observed; readonly shared: SharedMeter }[] = [];
  readonly #counted = new Map<string, { rowsIn: number; rowsOut: number }>();
  /** By component. */
  readonly #failed = new Map<string, FailureMessages>();
  readonly #receiver = new BatchReceiver();
  readonly #sender = new BatchSender();
  readonly #toPeers: readonly BatchSender[];
  readonly #fromPeers: readonly BatchReceiver[];
  /** Where rows are routed by key: what this lane has of each piece of work that is not its turn yet. */
  readonly #shares = new Map<number, Share | CutMessage>();
  /** The piece of work that is next. */
  #next = 0;

  constructor(parts: LaneParts) {
    const { plan, settings } = parts;
    this.#parts = parts;
    this.#sources = plan.sources;
    const { signal } = new AbortController();
    const say: SayLine = (component, level, event, fields) =>
      parts.post({ type: 'log', component, level, event, fields });
    const emitter = new Emitter(new LaneLogger(say), plan.outside.clock, plan.scrub);
    this.#components = new Components({
      plan,
      emitter,
      signal,
      watch: undefined,
      degraded: () => {},
      breakers: new BreakerWatch(emitter),
      tracing: undefined,
      slowest: new SlowestBatches(),
      saves: false,
    });
    const { by, count, rows } = settings;
    this.#chain = new LaneChain({ plan, components: this.#components, settings, signal });
    this.#rows = rows.map((memory) => new Slots(memory, rowsBytes));
    this.#router = by === null ? undefined : new KeyRouter(by, count);
    this.#toPeers = Array.from({ length: count }, () => new BatchSender());
    this.#fromPeers = Array.from({ length: count }, () => new BatchReceiver());
  }

  /** Makes its components. */
  async open(): Promise<void> {
    const { plan, settings } = this.#parts;
    const limits = decodeLimits(plan.settings.batch, settings);
    for (const planned of plan.sources) {
      const { node, eventTime } = planned;
      const { component } = node;
      const isCut =
        component !== undefined &&
        isDescribed(component) &&
        component.definition.spec.chunks !== undefined;
      const decoder = isCut ? this.#components.createDecoder(planned, limits) : undefined;
      this.#decoders.push(await decoder);
      // The rows of others were looked at where they were read.
      const isTimed = isCut && eventTime !== undefined;
      const { tally } = this.#components.observedOf(node.id);
      this.#times.push(
        isTimed ? new LaneTimes(eventTime, tally, settings.state[node.id]) : undefined,
      );
    }
    await this.#chain.open();
    for (const [index, { node }] of [...plan.sources, ...plan.stages].entries()) {
      const observed = this.#components.observedOf(node.id);
      this.#meters.push({ observed, shared: new SharedMeter(settings.memory, index) });
    }
  }

  /** Work from the run. */
  async take(message: ToLane): Promise<void> {
    for (const { observed } of this.#meters) observed.now();
    if (message.type === 'cut') {
      this.#shares.set(message.sequence, message);
      return this.#goOn();
    }
    const { sequence, source, asRead } = message;
    const given =
      message.type === 'chunk' ? this.#chunkOf(message) : this.#receiver.fromMessage(message.batch);
    const look =
      asRead === null ? undefined : this.#times[source]!.look(given.origin.partition, asRead);
    if (this.#router !== undefined) {
      this.#share(this.#router, sequence, source, given, look);
      return this.#goOn();
    }
    for (const batch of this.#decode(source, given, look)) await this.#enter(source, batch);
    const decoded = this.#partOf(this.#sources[source]!.node.id);
    this.#done(sequence, { decoded, times: look?.times ?? null });
  }

  #chunkOf(message: Extract<ToLane, { readonly type: 'chunk' }>): Batch {
    const { bytes, partition, position, columns } = message;
    const source = this.#sources[message.source]!.node.id;
    return new Chunk({ source, partition, position }, bytes, columns, () => {});
  }

  /** What another lane decoded for this one. */
  async takeFromPeer(lane: number, message: ToPeer): Promise<void> {
    for (const { observed } of this.#meters) observed.now();
    const { sequence, source, batches, slot, times } = message;
    const receiver = this.#fromPeers[lane]!;
    const share = {
      source,
      batches: batches.map((batch) => receiver.fromMessage(batch)),
      times,
      decoded: undefined,
    };
    if (slot !== null) this.#rows[lane]!.give(slot);
    this.#shares.set(sequence, share);
    await this.#goOn();
  }

  /** Batches that came decoded are taken as they are. */
  *#decode(source: number, given: Batch, look: PieceLook | undefined): Generator<Batch> {
    const decoder = this.#decoders[source];
    if (decoder === undefined) {
      yield given;
      return;
    }
    const { observed } = this.#meters[source]!;
    const batches = decoder.decode(given)[Symbol.iterator]();
    try {
      for (;;) {
        observed.begin();
        const { value, done } = batches.next() as IteratorResult<Batch, undefined>;
        observed.end(value?.length ?? 0);
        if (done === true) return;
        const batch = look?.take(value) ?? value;
        observed.meter.rowsIn += batch.length;
        observed.meter.rowsOut += batch.length;
        yield batch;
      }
    } finally {
      given.release();
    }
  }

  /** Gives each lane its rows of a piece of work. */
  #share(
    router: KeyRouter,
    sequence: number,
    source: number,
    given: Batch,
    look: PieceLook | undefined,
  ): void {
    const { settings, postToPeer } = this.#parts;
    const { count, index } = settings;
    const own: Batch[] = [];
    const posts = Array.from({ length: count }, () => new PeerPost(this.#rows[index]!));
    for (const batch of this.#decode(source, given, look)) {
      for (const [lane, rows] of router.route(batch).entries()) {
        if (rows === undefined) continue;
        if (lane === index) {
          own.push(rows);
          continue;
        }
        posts[lane]!.add(this.#toPeers[lane]!, rows);
      }
      batch.release();
    }
    const times = look?.times ?? null;
    for (const [lane, { batches, slot, transferList }] of posts.entries()) {
      if (lane !== index)
        postToPeer(lane, { sequence, source, batches, slot, times }, transferList);
    }
    const decoded = this.#partOf(this.#sources[source]!.node.id);
    this.#shares.set(sequence, { source, batches: own, times, decoded });
  }

  /** Goes on with the next pieces of work, as far as they are here. */
  async #goOn(): Promise<void> {
    for (;;) {
      const share = this.#shares.get(this.#next);
      if (share === undefined) return;
      this.#shares.delete(this.#next);
      const sequence = this.#next++;
      if ('type' in share) {
        await this.#pass(share);
        continue;
      }
      const { source, batches, times, decoded } = share;
      if (times !== null) this.#times[source]!.enter(times, batches);
      for (const batch of batches) await this.#enter(source, batch);
      // Told once, of the lane that decoded it.
      this.#done(sequence, { decoded, times: decoded === undefined ? null : times });
    }
  }

  async #pass(message: CutMessage): Promise<void> {
    const { sequence, id, readMs, isFinal, isStopping } = message;
    const watermarks = new Map(message.watermarks);
    for (const [index, { node }] of this.#sources.entries()) {
      const reached = this.#times[index]?.watermark(readMs.get(node.id)!);
      // That of an input that has ended is known.
      if (reached !== undefined && !watermarks.has(node.id)) watermarks.set(node.id, reached);
    }
    const cut = new Cut(id, new Map(), watermarks);
    const state = await this.#chain.pass(cut, { isFinal, isStopping });
    this.#done(sequence, { kept: { state, held: this.#chain.held() } });
  }

  async #enter(source: number, batch: Batch): Promise<void> {
    await this.#chain.enter(this.#sources[source]!.node.id, onlyOutput, batch);
    for (const { id, tally } of this.#components.observed) this.#keepFailures(id, tally);
  }

  #keepFailures(id: string, tally: Tally): void {
    if (tally.failures.length === 0) return;
    const failed = this.#failed.get(id) ?? new FailureMessages();
    this.#failed.set(id, failed);
    failed.add(tally.takeFailures());
  }

  /** What a component did since this was last asked. */
  #partOf(id: string): PartMessage {
    const { meter, tally } = this.#components.observedOf(id);
    this.#keepFailures(id, tally);
    const counted = this.#counted.get(id) ?? { rowsIn: 0, rowsOut: 0 };
    const { rowsIn, rowsOut } = meter;
    const part = {
      id,
      rowsIn: rowsIn - counted.rowsIn,
      rowsOut: rowsOut - counted.rowsOut,
      tally: tally.isEmpty ? null : tally.takeAll(),
      failures: this.#failed.get(id)?.take() ?? [],
    };
    this.#counted.set(id, { rowsIn, rowsOut });
    return part;
  }

  #done(sequence: number, { decoded, times = null, kept }: DoneWith): void {
    const transferList: ArrayBuffer[] = [];
    const products = this.#chain.finish(this.#sender, transferList);
    const { plan } = this.#parts;
    const parts = [
      ...(decoded === undefined ? [] : [decoded]),
      ...[...plan.stages, ...plan.sinks].map(({ node }) => this.#partOf(node.id)),
    ].filter(({ rowsIn, rowsOut, tally }) => rowsIn + rowsOut > 0 || tally !== null);
    for (const { observed, shared } of this.#meters) shared.write(observed.meter);
    const message = { sequence, products, parts, times, kept: kept ?? null };
    this.#parts.post({ type: 'done', ...message }, transferList);
  }
}

/** Of what is decoded to be shared out, so that what each lane has of a batch is about one again. */
function decodeLimits(
  { rowsMax, bytesMax, waitMsMax }: BatchLimits,
  { by, count }: Pick<LaneSettings, 'by' | 'count'>,
): BatchLimits {
  const lanes = by === null ? 1 : count;
  // Longer arrays are not used again, and those of offsets have one element more.
  const rowsShared = Math.max(rowsMax, Math.min(lanes * rowsMax, capacityMax - 1));
  return { rowsMax: rowsShared, bytesMax: lanes * bytesMax, waitMsMax };
}
