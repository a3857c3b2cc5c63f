import type { Batch, Fields } from './batch/index.ts';
import { trailsOf } from './core/attribute.ts';
import type {
  Outside,
  Sink,
  SinkComponent,
  Source,
  SourceComponent,
  Stage,
  StageComponent,
  StageFigures,
} from './core/index.ts';
import { alignColumns, escapeControls } from './core/plain-text.ts';
import {
  type Pipeline,
  type RunOptions,
  type SettingsInput,
  validatePipeline,
} from './engine/index.ts';
import { PipelineError } from './errors.ts';
import type { RunReport } from './observe/index.ts';
import { pipeline } from './pipeline.ts';

/** A stage of any fields: whether they fit is seen when the pipeline is planned. */
type AnyStage = StageComponent<never, Fields> | Stage<never, Fields>;

/** How a monitored pipeline is run. */
export interface MonitoredRunnerOptions {
  /** The name of the pipeline; `pipeline` unless given. */
  readonly name?: string;
  /** Those of the pipeline: `{ batch: { rowsMax: 10 } }`. */
  readonly settings?: SettingsInput;
  /** Clock, chance, files and network; this machine's unless given. */
  readonly outside?: Outside;
}

/** One stage of a run, in the order of the flow. */
export interface MonitoredStageResult {
  /** As a monitored stage was given it; the id in the pipeline of any other. */
  readonly name: string;
  /** Rows that came in. */
  readonly records: number;
  /** Milliseconds of work for a batch that came in, as a mean; null where there was none. */
  readonly meanLatencyMs: number | null;
  readonly errors: number;
  /** Changes of its audited attributes during the run; null where it is not monitored. */
  readonly changeEvents: number | null;
}

/** What a run of a monitored pipeline did. */
export interface MonitoredRunResult {
  /** How it ended: `done`, `stopped`, `failed` … */
  readonly status: RunReport['status'];
  /** Records that the source gave. */
  readonly records: number;
  readonly elapsedMs: number;
  /** Changes of audited attributes during the run, over all monitored stages. */
  readonly changeEvents: number;
  /**
   * The most that heap and buffers of the process held, of what was seen at the start, at each batch
   * that came to the sink, once a second, and at the end.
   */
  readonly peakMemoryBytes: number;
  readonly stages: readonly MonitoredStageResult[];
}

/**
 * Runs a chain and says what it took. Of stages that are a `MonitoredPipelineStage`, of
 * `millrace/attributes`, the changes are counted; others are taken as they are.
 */
export class MonitoredPipelineRunner {
  /** The name of the pipeline. */
  readonly name: string;
  /** The stages as they were given, in the order of the flow. */
  readonly stages: readonly AnyStage[];
  readonly #build: () => Promise<Pipeline>;
  #pipeline: Promise<Pipeline> | undefined;
  #last: MonitoredRunResult | undefined;

  /** Throws a `TypeError` with all that is wrong by the protocols, as `validatePipeline` does. */
  constructor(
    source: SourceComponent | Source,
    stages: readonly AnyStage[],
    sink: SinkComponent | Sink<never>,
    { name = 'pipeline', settings, outside }: MonitoredRunnerOptions = {},
  ) {
    validatePipeline(source, stages, sink);
    this.name = name;
    this.stages = Object.freeze([...stages]);
    this.#build = () => {
      const builder = pipeline(name, settings, outside === undefined ? {} : { outside });
      const steps = this.stages as readonly StageComponent<Fields>[];
      // Of other types than those of the chain, which nobody knows here.
      return builder
        .from(source)
        .pipe(...(steps as [StageComponent<Fields>]))
        .to(sink as Sink)
        .build();
    };
  }

  /** What the last run did, also where it failed; undefined before the end of the first. */
  get last(): MonitoredRunResult | undefined {
    return this.#last;
  }

  /**
   * Runs the pipeline to its end. Rejects with a `ValidationError` where it cannot be planned, and
   * where the run failed; what that one did by then is in `last`.
   */
  async run(options: RunOptions = {}): Promise<MonitoredRunResult> {
    const before = this.stages.map(changeEventsOf);
    const built = await this.#planned();
    const peak = new MemoryPeak();
    const watch = (sink: string, batch: Batch): void => {
      peak.look();
      options.watch?.(sink, batch);
    };
    const run = built.start({ ...options, watch });
    run.follow(() => peak.look());
    const end = (report: RunReport): MonitoredRunResult => {
      peak.look();
      return (this.#last = this.#resultOf(report, before, peak.bytes));
    };
    try {
      return end(await run.done);
    } catch (error) {
      end(run.stats());
      throw error;
    }
  }

  /** What could not be planned once, as a file was not there, is planned anew. */
  async #planned(): Promise<Pipeline> {
    this.#pipeline ??= this.#build();
    try {
      return await this.#pipeline;
    } catch (error) {
      this.#pipeline = undefined;
      throw error;
    }
  }

  #resultOf(
    { status, recordsIn, durationMs, components }: RunReport,
    before: readonly (number | null)[],
    peakMemoryBytes: number,
  ): MonitoredRunResult {
    // In a chain the order of the plan is that in which they were given.
    const reports = components.filter(({ kind }) => kind === 'stage');
    const stages = this.stages.map((stage, at): MonitoredStageResult => {
      const { id, name: given, in: records, work, failed } = reports[at]!;
      const changes = changeEventsOf(stage);
      const changeEvents = changes === null ? null : changes - before[at]!;
      const { errorCount: errors = failed } = stage as Partial<StageFigures>;
      const name = changes === null ? id : given;
      return Object.freeze({ name, records, meanLatencyMs: work.meanMs, errors, changeEvents });
    });
    return Object.freeze({
      status,
      records: recordsIn,
      elapsedMs: durationMs,
      changeEvents: stages.reduce((sum, { changeEvents }) => sum + (changeEvents ?? 0), 0),
      peakMemoryBytes,
      stages: Object.freeze(stages),
    });
  }
}

/** Changes ever, over all audited attributes of a stage; null where it is not monitored. */
function changeEventsOf(stage: AnyStage): number | null {
  if (!('takeFigures' in stage)) return null;
  let changes = 0;
  for (const trail of trailsOf(stage).values()) changes += trail.changes;
  return changes;
}

/** The high water of heap and buffers of the process. */
class MemoryPeak {
  bytes = 0;

  constructor() {
    this.look();
  }

  look(): void {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    this.bytes = Math.max(this.bytes, heapUsed + arrayBuffers);
  }
}

/** Where a report goes. */
export interface PrintReportOptions {
  /** Given the whole text, with a line feed at the end; standard output unless given. */
  readonly write?: ((text: string) => unknown) | undefined;
}

/**
 * Prints what the last run of a pipeline did: its stages in order, records, time, memory, changes.
 * Throws `ERR_CONFIG_INVALID` where it is given no runner.
 */
export function printPipelineReport(
  runner: MonitoredPipelineRunner,
  { write = (text) => process.stdout.write(text) }: PrintReportOptions = {},
): void {
  if (!(runner instanceof MonitoredPipelineRunner)) {
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: 'printPipelineReport',
      fact: 'was given no runner',
      remedy: 'give a `MonitoredPipelineRunner`',
    });
  }
  write(`${reportLines(runner).join('\n')}\n`);
}

const titles = ['stage', 'records', 'mean ms', 'errors', 'change events'];

function reportLines({ name, last }: MonitoredPipelineRunner): string[] {
  const head = `Pipeline report: ${escapeControls(name)}`;
  if (last === undefined) return [`${head}, not run yet`];
  const { status, records, elapsedMs, peakMemoryBytes, changeEvents, stages } = last;
  const rows = stages.map((stage) => [
    escapeControls(stage.name),
    String(stage.records),
    stage.meanLatencyMs?.toFixed(3) ?? '–',
    String(stage.errors),
    String(stage.changeEvents ?? 'not monitored'),
  ]);
  const totals = [
    ['records', String(records)],
    ['time', `${elapsedMs.toFixed(1)} ms`],
    ['peak memory', `${(peakMemoryBytes / 1e6).toFixed(1)} MB`],
    ['change events', String(changeEvents)],
  ];
  const table = alignColumns([titles, ...rows], new Set([1, 2, 3, 4]));
  return [`${head}, ${status}`, ...table.map((line) => `  ${line}`), ...alignColumns(totals)];
}
