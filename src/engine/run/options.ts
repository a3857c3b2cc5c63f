import type { Batch } from '../../batch/index.ts';
import type { Logger } from '../../core/index.ts';
import { PipelineError } from '../../errors.ts';
import type { Alert } from '../../observe/alerts/alert.ts';
import type { AlertLimits, AlertRule } from '../../observe/alerts/rule.ts';
import type { Emit, EventListener } from '../../observe/emitter.ts';
import type { HealthSettings } from '../../observe/health-settings.ts';
import type {
  ChangedValue,
  RunReport,
  RunStats,
  RunStatus,
  StatsOptions,
} from '../../observe/snapshot.ts';
import type { StatsFollower } from '../../observe/ticker.ts';
import type { Tracing } from '../../observe/tracing.ts';
import type { CheckpointStore } from '../checkpoint.ts';
import { lanesMax } from '../description.ts';
import type { Topology } from '../topology.ts';
import type { DataSampling } from './sampling.ts';

/** How one run differs from another of the same plan. */
export interface RunOptions {
  /** Stops the run at once. */
  readonly signal?: AbortSignal;
  /** Where cuts are saved, and where the run begins. Without one, positions and state are not kept. */
  readonly store?: CheckpointStore;
  /** Reads no more records than this, over all sources. */
  readonly recordsMax?: number;
  /** Stops, and finishes what is in flight, after this time. */
  readonly durationMsMax?: number;
  /** Hears what components say; nobody unless given. */
  readonly log?: Logger;
  /**
   * What it is watched for, once a second; `shippedRules()` are those that fit every pipeline. Not
   * watched unless given.
   */
  readonly alerts?: readonly AlertRule[];
  /** Traces what each component does with each batch: that of `millrace/otel`. */
  readonly tracing?: Tracing;
  /** Sees each batch before a sink writes it, for a live view; may read it until it returns. */
  readonly watch?: (sink: string, batch: Batch) => void;
}

/** Where the thread of a lane has a pipeline from that is written in code. */
export interface LaneModule {
  /** Of the module, as `import.meta.url` in it. Importing it must start no run. */
  readonly url: string | URL;
  /** What it exports the pipeline as: its builder, or a function that gives that. */
  readonly name: string;
}

/** How a run of a pipeline that is written in code differs from another. */
export interface LanedRunOptions extends RunOptions {
  /** On how many threads it runs where it can; `auto`: one for each core. As its settings unless given. */
  readonly lanes?: number | 'auto';
  /** Needed for more lanes than one. */
  readonly module?: LaneModule;
}

/** How a run stops. */
export interface StopOptions {
  /** For how long it is not ready, and reads on; `drainDelayMs` of its settings unless given. */
  readonly delayMs?: number;
}

/** A pipeline at work. */
export interface Run extends AsyncDisposable {
  /** Resolves when everything is closed; rejects when the run failed. */
  readonly done: Promise<RunReport>;
  /** Where it stands at this moment; costs nothing, unlike `stats`. */
  readonly status: RunStatus;
  /** The figures at this moment. Frozen; taking them changes nothing of what others are given. */
  stats(options?: StatsOptions): RunStats;
  /**
   * Gives the figures once a second from now on, and when the run has ended: the same object to all
   * who follow. `alerts` are as of the look before. Gives what ends that.
   */
  follow(follower: StatsFollower): () => void;
  /**
   * Tells of every event of the run, and of what serves, records or exports it, from now on, at once
   * and in order. Gives what ends that.
   */
  listen(listener: EventListener): () => void;
  /** Says an event as the engine does: it is logged, counted, and heard by whoever listens. */
  readonly emit: Emit;
  /** The limits by which it is healthy. */
  readonly healthSettings: HealthSettings;
  /** Alerts resolved lately, the oldest first, at most 100; those that are not are in `stats`. */
  readonly alertHistory: readonly Alert[];
  /**
   * Judges an alert by other limits from now on; those that are not given stay. Throws
   * `ERR_CONFIG_INVALID` where the run has no such rule, or the limits are in the wrong order.
   */
  setAlertLimits(rule: string, limits: Partial<AlertLimits>): void;
  /**
   * Notes in the `changes` of its figures that something was changed from outside, as the level of its
   * log, by whom `changedBy` of `millrace/attributes` says. What the run does itself is there already.
   */
  noteChange(what: string, from: ChangedValue, to: ChangedValue): void;
  /** Its components and what flows between them. Frozen. */
  topology(): Topology;
  /**
   * Keeps what comes to the sinks from now on of their number fields, in part and for ten minutes, for
   * charts: whoever shows it sees to which fields are `sensitive`.
   */
  sampleData(): DataSampling;
  /**
   * Reads no more until `resume`: each source is paused in the way that it declares. What was read
   * flows on and is committed. Throws `ERR_RUN_CLOSED` once the run stops.
   */
  pause(): void;
  /** Reads on. Throws `ERR_RUN_CLOSED` once the run stops. */
  resume(): void;
  /**
   * Is not ready from now on, and after `delayMs`, or when it is called again, reads no more, finishes
   * what is in flight within `drainMsMax`, closes. A run that was not ready does not wait.
   */
  stop(options?: StopOptions): Promise<RunReport>;
  /** Stops at once; what is in flight is not committed. */
  abort(reason?: unknown): Promise<void>;
}

/** Throws `ERR_CONFIG_INVALID` where that is no number of lanes. */
export function checkLanes(lanes: unknown): asserts lanes is number | 'auto' {
  if (lanes === 'auto' || isLaneCount(lanes)) return;
  throw new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: 'lanes',
    fact: `a run cannot have ${String(lanes)} lanes`,
    remedy: `give a whole number from 1 to ${lanesMax}, or 'auto'`,
  });
}

function isLaneCount(lanes: unknown): boolean {
  return Number.isSafeInteger(lanes) && (lanes as number) > 0 && (lanes as number) <= lanesMax;
}
