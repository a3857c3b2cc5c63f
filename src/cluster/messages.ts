import type { MessagePort } from 'node:worker_threads';

import type { BatchMessage } from '../batch/transfer.ts';
import type { JsonValue } from '../batch/index.ts';
import type { TallyPart } from '../engine/report.ts';
import type { LogLevel } from '../core/index.ts';
import type { AsRead } from '../engine/event-time.ts';
import type { ErrorMessage } from './error-message.ts';
import type { PieceTimes } from './lane-times.ts';
import type { PlanMessage } from './plan-message.ts';

/** Where lanes have their pipeline from: what was planned of a file, or a module that they import. */
export type LaneOrigin =
  | {
      /** Where the relative paths of a pipeline file begin. */
      readonly directory: string;
    }
  | {
      /** A module, and what it exports the pipeline as. */
      readonly module: string;
      readonly name: string;
    };

/** The pipeline of a lane. */
export type LanePipeline =
  | { readonly plan: PlanMessage; readonly directory: string }
  | {
      readonly module: string;
      readonly name: string;
      /** Tells what is imported from any other. */
      readonly fingerprint: string;
    };

/** What the thread of a lane is started with. */
export interface LaneBeginning {
  /** Where the run's thread keeps what it compiled, for this one too. */
  readonly compileCache: string | undefined;
}

/** What a lane is to do: the first that its thread is told. */
export interface LaneSettings {
  /** From 0. */
  readonly index: number;
  readonly count: number;
  /** The fields by whose values rows go to lanes; null where they stay where they were read. */
  readonly by: readonly string[] | null;
  readonly pipeline: LanePipeline;
  /** One meter for each source and stage, in the order of the plan. */
  readonly memory: SharedArrayBuffer;
  /** What it has encoded, in slots. */
  readonly output: SharedArrayBuffer;
  /** By lane, what each has decoded for others, in slots; none where rows stay where they were read. */
  readonly rows: readonly SharedArrayBuffer[];
  /** What its stages held, and its sources knew of event time, when an earlier run left off, by id. */
  readonly state: Readonly<Record<string, JsonValue>>;
  /** Whether cuts are saved anywhere. */
  readonly saves: boolean;
  /** To each other lane; null for itself. */
  readonly peers: readonly (MessagePort | null)[];
}

/** From the run to a lane. Numbered pieces of work come in order. */
export type ToLane =
  | {
      readonly type: 'batch';
      readonly sequence: number;
      /** Which source it is of. */
      readonly source: number;
      readonly batch: BatchMessage;
      /** When it was read, where its rows are looked at on lanes. */
      readonly asRead: AsRead | null;
    }
  | {
      /** The same of a chunk, whose bytes both threads see until it is done. */
      readonly type: 'chunk';
      readonly sequence: number;
      readonly source: number;
      readonly bytes: Uint8Array;
      readonly partition: string;
      readonly position: number;
      readonly columns: readonly string[] | null;
      readonly asRead: AsRead | null;
    }
  | CutMessage;

/** A cut, behind all work before it. Its positions, of which there may be many, stay with the run. */
export interface CutMessage {
  readonly type: 'cut';
  readonly sequence: number;
  readonly id: number;
  /** By source id, as far as they are known where sources are read. */
  readonly watermarks: ReadonlyMap<string, number>;
  /** By source id, of those whose rows lanes look at: for how long each has been read. */
  readonly readMs: ReadonlyMap<string, number>;
  readonly isFinal: boolean;
  /** Whether the run was asked to stop before its input ended. */
  readonly isStopping: boolean;
}

/** From the lane that decoded a piece of work to another: the rows of it that are for that one. */
export interface ToPeer {
  readonly sequence: number;
  readonly source: number;
  readonly batches: readonly BatchMessage[];
  /** Which slot of the other has their values; null where there is none. */
  readonly slot: number | null;
  /** Of all its rows, where its source has event time. */
  readonly times: PieceTimes | null;
}

/** From a lane to the run. */
export type FromLane =
  | { readonly type: 'ready' }
  | {
      readonly type: 'done';
      readonly sequence: number;
      readonly products: readonly ProductMessage[];
      readonly parts: readonly PartMessage[];
      /** Of the lane that decoded it, where its source has event time. */
      readonly times: PieceTimes | null;
      /** What stages have, of a cut. */
      readonly kept: KeptMessage | null;
    }
  | {
      readonly type: 'log';
      readonly component: string;
      readonly level: LogLevel;
      readonly event: string;
      readonly fields: Readonly<Record<string, unknown>> | undefined;
    }
  | { readonly type: 'failed'; readonly error: ErrorMessage };

/** What the stages of a lane have as a cut passes. */
export interface KeptMessage {
  /** Where it is saved. */
  readonly state: Readonly<Record<string, JsonValue>>;
  /** Rows that are not accounted for yet, of stages that hold such; null where one cannot say. */
  readonly held: Readonly<Record<string, number | null>>;
}

/** What goes to a sink: rows that are encoded, with some of them whole, or batches. */
export type ProductMessage =
  | {
      readonly sink: string;
      readonly rows: number;
      /** The bytes, or the slot that has them and how many they are. */
      readonly encoded: Uint8Array | { readonly slot: number; readonly length: number };
      readonly sample: BatchMessage | null;
    }
  | { readonly sink: string; readonly batches: readonly BatchMessage[] };

/** What a component did with a piece of work. */
export interface PartMessage {
  readonly id: string;
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Null where it counted nothing else. */
  readonly tally: TallyPart | null;
  /** The records that failed, as `failuresOf` reads them. */
  readonly failures: readonly Uint8Array[];
}
