import type { Batch, JsonValue } from '../batch/index.ts';
import type { BatchSender } from '../batch/transfer.ts';
import { type Cut, isStage } from '../core/index.ts';
import type { Components } from '../engine/components.ts';
import type { Plan } from '../engine/planned.ts';
import { brokenPromise } from '../engine/protocol.ts';
import { throughStage } from '../engine/stage-loop.ts';
import { saveState, type StageLoopParts, type StageNodeParts } from '../engine/stage-parts.ts';
import { DrivenStage } from './driven-stage.ts';
import { LaneOutput, outputBytes } from './lane-output.ts';
import type { LaneSettings, ProductMessage } from './messages.ts';
import { Slots } from './slots.ts';

interface ChainStage {
  readonly node: StageNodeParts;
  readonly parts: Omit<StageLoopParts, 'inlet'>;
  /** Where it is in general form. */
  readonly driven: DrivenStage | undefined;
}

type Reader = { readonly stage: ChainStage } | { readonly output: LaneOutput };

export interface LaneChainParts {
  readonly plan: Plan;
  readonly components: Components;
  readonly settings: Pick<LaneSettings, 'by' | 'output' | 'saves' | 'state'>;
  readonly signal: AbortSignal;
}

/** Where a cut is in the run. */
export interface Passing {
  readonly isFinal: boolean;
  /** Whether the run was asked to stop before its input ended. */
  readonly isStopping: boolean;
}

/** The stages of a lane, and what they make for each sink. */
export class LaneChain {
  readonly #parts: LaneChainParts;
  readonly #stages: ChainStage[] = [];
  readonly #outputs: LaneOutput[] = [];
  /** By node and output. */
  readonly #readers = new Map<string, Reader[]>();
  #passing: Passing = { isFinal: false, isStopping: false };
  /** Of the cut that passes: which stages have given it on, and their state. */
  readonly #passed = new Set<string>();
  #state: Record<string, JsonValue> = {};

  constructor(parts: LaneChainParts) {
    this.#parts = parts;
  }

  /** Makes its components. */
  async open(): Promise<void> {
    const { plan, components, settings } = this.#parts;
    const slots = new Slots(settings.output, outputBytes);
    for (const planned of plan.stages) {
      const node = components.createStage(planned);
      const state = settings.state[planned.node.id];
      if (state !== undefined && typeof node.instance !== 'function') {
        node.instance.restore?.(state);
      }
      const stage = this.#stageOf(node);
      this.#stages.push(stage);
      for (const port of planned.from) this.#addReader(port.node, port.output, { stage });
    }
    for (const planned of plan.sinks) {
      const observed = components.observedOf(planned.node.id);
      const mayEncode = planned.node.required !== false && planned.hand === undefined;
      const encoder = mayEncode ? await components.createEncoder(planned) : undefined;
      const output = new LaneOutput(planned.node.id, encoder, slots, () => observed.loopMs);
      this.#outputs.push(output);
      for (const port of planned.from) this.#addReader(port.node, port.output, { output });
    }
  }

  #stageOf(node: StageNodeParts): ChainStage {
    const { components, settings, signal } = this.#parts;
    const { instance, observed } = node;
    const { id } = observed;
    const parts: ChainStage['parts'] = {
      nodes: [node],
      outlet: {
        send: (output, batch) => {
          observed.meter.sent(batch.length);
          return this.enter(id, output, batch);
        },
        pass: () => Promise.resolve(void this.#passed.add(id)),
        close: () => {},
      },
      cuts: {
        isFinal: () => this.#passing.isFinal,
        reached: () => {},
        rowsRead: () => {},
        snapshot: (_cut, of, state) => void (this.#state[of] = state),
      },
      saves: settings.saves,
      isStopping: () => this.#passing.isStopping,
      // What failed goes to the run with all that the piece of work came to.
      settle: () => Promise.resolve(),
      observedOf: (of) => components.observedOf(of),
      stateOf: () => undefined,
      signal,
    };
    // Cuts come to lanes where rows are routed.
    if (isStage(instance) && settings.by === null) throw heldRows(id);
    const driven = isStage(instance) ? new DrivenStage(parts, instance) : undefined;
    return { node, parts, driven };
  }

  #addReader(node: string, output: string, reader: Reader): void {
    const key = keyOf(node, output);
    this.#readers.set(key, [...(this.#readers.get(key) ?? []), reader]);
  }

  /** Hands a batch to every reader of an output. Takes over the hold on it. */
  async enter(node: string, output: string, batch: Batch): Promise<void> {
    const readers = batch.length === 0 ? [] : (this.#readers.get(keyOf(node, output)) ?? []);
    for (let more = 1; more < readers.length; more++) batch.retain();
    if (readers.length === 0) batch.release();
    for (const reader of readers) {
      if ('output' in reader) reader.output.take(batch);
      else await this.#through(reader.stage, batch);
    }
  }

  async #through({ node, parts, driven }: ChainStage, batch: Batch): Promise<void> {
    if (driven !== undefined) return driven.give(batch);
    for (const [output, product] of await throughStage(node, batch, parts.signal)) {
      await parts.outlet.send(output, product);
    }
  }

  /**
   * Takes a cut through the stages, each behind those before it: what they give at it goes on first.
   * The last ends them, unless what they hold is saved. Gives their state, where that is.
   */
  async pass(cut: Cut, passing: Passing): Promise<Readonly<Record<string, JsonValue>>> {
    this.#passing = passing;
    this.#passed.clear();
    this.#state = {};
    for (const { node, parts, driven } of this.#stages) {
      if (driven === undefined) {
        saveState(parts, node, cut);
        continue;
      }
      await driven.give(cut);
      if (passing.isFinal && !driven.isOver) await driven.give(undefined);
      const { id } = node.observed;
      if (!this.#passed.has(id)) throw keptBack(id, cut);
    }
    return this.#state;
  }

  /** Rows that stages hold, of those that may; null where one cannot say. */
  held(): Readonly<Record<string, number | null>> {
    const general = this.#stages.filter(({ driven }) => driven !== undefined);
    return Object.fromEntries(
      general.map(({ node: { observed } }) => [observed.id, observed.held()]),
    );
  }

  /** What there is for the sinks, to be posted; nothing is left of it here. */
  finish(sender: BatchSender, transferList: ArrayBuffer[]): ProductMessage[] {
    return this.#outputs.flatMap((output) => output.finish(sender, transferList));
  }
}

function keyOf(node: string, output: string): string {
  return JSON.stringify([node, output]);
}

function heldRows(id: string): Error {
  const remedy = 'leave `keeps` out of its description, or make it a function of a batch';
  return brokenPromise(id, 'says that it keeps nothing, and is in general form', remedy);
}

function keptBack(id: string, { id: cut }: Cut): Error {
  const remedy =
    'yield each cut before asking for what is behind it, or leave `keeps` out of the description';
  return brokenPromise(id, `kept back cut ${cut}`, remedy);
}
