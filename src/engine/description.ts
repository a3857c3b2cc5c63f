import type {
  BatchLimits,
  EventTimeOptions,
  Overflow,
  Policy,
  Sink,
  SinkComponent,
  Source,
  SourceComponent,
  Stage,
  StageComponent,
} from '../core/index.ts';
import { type HealthSettings, healthDefaults } from '../observe/health-settings.ts';
import type { ShippedLimits } from '../observe/alerts/shipped.ts';

/** Where something stands in the text that described it: `['stages', 2, 'threshold', 'field']`. */
export type Path = readonly (string | number)[];

/** A node of the graph. `component` is undefined where the description names an unknown one. */
interface Node<C> {
  readonly id: string;
  readonly component: C | undefined;
  readonly policy?: Policy;
  /** Where the node's options stand. */
  readonly path: Path;
}

export interface SourceNode extends Node<SourceComponent | Source> {
  readonly eventTime?: EventTimeOptions;
  /** Where `eventTime` stands, if it is written out. */
  readonly at?: Path;
}

interface Reader {
  /** Ids of the nodes it reads from; `id.output` for one output of a branch. */
  readonly from: readonly string[];
  /** Where `from` stands, if it is written out. */
  readonly fromPath?: Path;
}

export interface StageNode extends Node<StageComponent | Stage>, Reader {}

export interface SinkNode extends Node<SinkComponent | Sink>, Reader {
  /** Whether the pipeline waits for it; true unless given. */
  readonly required?: boolean;
  /** What becomes of rows that a sink cannot take that is not required. */
  readonly overflow?: Overflow;
  /** Where `required` and `overflow` stand, if they are written out. */
  readonly at?: Path;
}

/** How full a queue between two components may be. It always takes at least one batch. */
export interface QueueLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

/** What a pipeline does with a row that fails. */
export type OnRowError = 'dead-letter' | 'drop' | 'fail';

/** What a run is watched for, beside what `RunOptions.alerts` says. */
export interface AlertSettings {
  /** Limits of shipped rules in place of their own; `false` switches one off. */
  readonly limits?: ShippedLimits | undefined;
  /** What the process may take; what its container allows, or the machine has, unless given. */
  readonly memoryMiBMax?: number | undefined;
  /** Where alerts that fire or are resolved are sent, each as one JSON object. */
  readonly webhook?:
    | { readonly url: string; readonly headers?: Readonly<Record<string, string>> | undefined }
    | undefined;
}

/** What holds for a pipeline as a whole; `defaultSettings` unless given. */
export interface Settings {
  /** When a source closes a batch: 4,096 rows, 1 MiB or 100 ms. */
  readonly batch: BatchLimits;
  /** How full a queue may be: 32,768 rows or 8 MiB. */
  readonly queue: QueueLimits;
  /** On how many threads it runs where it can; `auto`: one for each core. 1 unless given. */
  readonly lanes: number | 'auto';
  /** A cut at least this often, and at least every so many rows. */
  readonly checkpoint: { readonly everyMs: number; readonly rowsMax: number };
  /** `dead-letter` unless given. */
  readonly onRowError: OnRowError;
  /**
   * Whether log, figures and flight files tell what failed records hold, and what functions and other
   * packages say of them; false unless given.
   */
  readonly logBodies: boolean;
  /** What is promised; `at-least-once` comes with the store on disk. */
  readonly delivery: 'best-effort';
  /** How long a connector may take to open, where it does not wait under a policy; and to close. */
  readonly openMsMax: number;
  readonly closeMsMax: number;
  /** How long a stop may take to finish what is in flight. */
  readonly drainMsMax: number;
  /** For how long a run that is to stop is not ready, and reads on, before it stops; 0 unless given. */
  readonly drainDelayMs: number | undefined;
  /** No alerts unless given. */
  readonly alerts: AlertSettings | undefined;
  /** By which limits the run is healthy. */
  readonly health: HealthSettings;
}

/** More threads than any machine has cores. */
export const lanesMax = 1024;

export const defaultSettings: Settings = {
  batch: { rowsMax: 4096, bytesMax: 1_048_576, waitMsMax: 100 },
  queue: { rowsMax: 32_768, bytesMax: 8_388_608 },
  lanes: 1,
  checkpoint: { everyMs: 1000, rowsMax: 100_000 },
  onRowError: 'dead-letter',
  logBodies: false,
  delivery: 'best-effort',
  openMsMax: 60_000,
  closeMsMax: 5000,
  drainMsMax: 20_000,
  drainDelayMs: undefined,
  alerts: undefined,
  health: healthDefaults,
};

/** A pipeline as data: what the builder and a config file both make. */
export interface PipelineDescription {
  readonly name: string;
  readonly sources: readonly SourceNode[];
  /** In any order. */
  readonly stages: readonly StageNode[];
  readonly sinks: readonly SinkNode[];
  /** Where failed records go; a file in the state directory unless given. */
  readonly deadLetters: SinkNode | undefined;
  readonly settings: Settings;
}
