import { availableParallelism } from 'node:os';
import { dirname, relative, resolve } from 'node:path';
import process from 'node:process';

import { deadLetterPath } from '../connectors/dead-letter-file/path.ts';
import { changedBy } from '../core/changed-by.ts';
import { isDescribed, type LogLevel, systemClock } from '../core/index.ts';
import { escapeControls } from '../core/plain-text.ts';
import { type Plan, type Run, startRun } from '../engine/index.ts';
import { isPipelineError } from '../errors.ts';
import { laneWorkers, onLanes } from '../pipeline.ts';
import { FlightRecorder } from '../observe/flight-recorder.ts';
import type { RunReport } from '../observe/snapshot.ts';
import { shippedRules } from '../observe/alerts/shipped.ts';
import { telemetryUnavailable } from '../observe/otel/events.ts';
import { exitCodes, reportCode, reportFailure } from './failure.ts';
import type { LiveView } from './live-view.ts';
import { loadConfig } from './load.ts';
import { createLogger } from './log.ts';
import { checkConfigKept, checkReportApart } from './own-files.ts';
import { showProgress } from './progress.ts';
import { ReportFile } from './report-file.ts';
import { prepareServing, type ServeCommandOptions } from './serve.ts';
import { reportJson, reportLines, reportTable } from './report.ts';
import { widthOf } from './screen.ts';
import { telemetryOf } from './telemetry.ts';
import type { Terminal } from './terminal.ts';
import { keepYoungGeneration } from './young-generation.ts';

export interface RunCommandOptions extends ServeCommandOptions {
  readonly set?: readonly string[];
  readonly for?: number;
  readonly maxRecords?: number;
  readonly lanes?: string;
  readonly report: 'text' | 'json';
  readonly reportFile?: string;
  readonly live?: boolean;
  readonly failOnDeadLetter?: boolean;
  readonly logLevel: Lowercase<LogLevel>;
}

/** Runs a pipeline file to its end, reports, and leaves the process with the run's exit code. */
export async function runPipeline(
  file: string,
  options: RunCommandOptions,
  terminal: Terminal,
): Promise<void> {
  const stopper = new Stopper(terminal);
  const set = [...(options.set ?? []), ...(options.lanes ? [`lanes=${options.lanes}`] : [])];
  const early = lanesToBegin(options);
  const workers = early === 0 ? undefined : await laneWorkers(early);
  const config = await loadConfig(file, set, terminal);
  const plan = await config.plan();
  await checkConfigKept(file, plan);
  if (options.reportFile !== undefined) await checkReportApart(options.reportFile, file, plan);
  const directory = dirname(resolve(file));
  stopper.drainMsMax = plan.settings.drainMsMax;
  stopper.drainDelayMs = plan.settings.drainDelayMs ?? usualDelayMs();
  const limits = { recordsMax: options.maxRecords };
  const running = await onLanes(plan, { directory }, limits, workers);
  const exitCode = await runPlan({ plan, running, directory }, options, stopper, terminal);
  // Whatever a component left open does not keep the process, and past the deadline of a stop
  // neither does a reader that takes no output.
  const isLate = exitCode === exitCodes.notDrained;
  const late = isLate ? systemClock.sleep(abortMsMax) : stopper.overdue;
  await Promise.race([terminal.flushed(), late]);
  const lost = terminal.err.writableLength;
  if (lost > 0 && options.report === 'text' && !writesStdout(plan)) {
    terminal.print(`standard error took no more: ${lost} bytes or more are lost`);
  }
  await terminal.leave(stopper.exitCode ?? exitCode, 0);
}

/** How many lanes are begun before it is known whether the pipeline can have them. */
function lanesToBegin({ lanes, maxRecords }: RunCommandOptions): number {
  if (lanes === undefined || maxRecords !== undefined) return 0;
  const wanted = lanes === 'auto' ? availableParallelism() : Number(lanes);
  return wanted > 1 ? wanted : 0;
}

/** A plan, and the directory that its relative paths begin in. */
interface PlannedFile {
  readonly plan: Plan;
  /** What does it, on one lane or more. */
  readonly running: Plan;
  readonly directory: string;
}

async function runPlan(
  planned: PlannedFile,
  options: RunCommandOptions,
  stopper: Stopper,
  terminal: Terminal,
): Promise<number> {
  const { for: durationMsMax, maxRecords: recordsMax } = options;
  const log = createLogger(terminal, systemClock, options.logLevel.toUpperCase() as LogLevel);
  log.flushOnCrash();
  const view = options.live && terminal.err.isTTY ? await liveView(terminal) : undefined;
  const { telemetry, unavailable } = await telemetryOf(log);
  await using serving = await prepareServing(options, planned.plan, log, terminal);
  const reportFile =
    options.reportFile === undefined ? undefined : await ReportFile.open(options.reportFile);
  // The threads of lanes have yet to grow into the room that they need.
  if ((planned.running.lanes?.count ?? 1) === 1) keepYoungGeneration();
  const run = await startRun(planned.running, {
    log,
    // A pipeline that says nothing of alerts is watched by all that are shipped.
    ...(planned.plan.settings.alerts === undefined && { alerts: shippedRules() }),
    ...(durationMsMax !== undefined && { durationMsMax }),
    ...(recordsMax !== undefined && { recordsMax }),
    ...(telemetry !== undefined && { tracing: telemetry.tracing }),
    ...(view !== undefined && { watch: (sink, batch) => view.readings.watch(sink, batch) }),
  });
  stopper.run = run;
  telemetry?.watch(run);
  const recorder = recordFlight(run, planned.plan);
  if (unavailable !== undefined) run.emit(telemetryUnavailable, { error: unavailable });
  const server = serving?.start(run, recorder);
  const over = new AbortController();
  const goal = { durationMsMax, recordsMax };
  const parts = { terminal, clock: systemClock, view, signal: over.signal };
  const progress = showProgress(run, goal, parts);
  let failure: unknown;
  const report = await run.done.catch((error: unknown) => {
    failure = error;
    return run.stats();
  });
  over.abort();
  recorder[Symbol.dispose]();
  await server?.close();
  await progress;
  const sent = telemetry?.close();
  // It does not wait for a reader of standard error that takes nothing.
  void log.flush();
  terminal.hideStatus();
  await printReport(report, planned, options, terminal);
  const code = failure === undefined ? exitCodes.done : failureCode(failure, terminal);
  const written = await saveReport(report, reportFile, terminal);
  await sent;
  const worst = code === exitCodes.done ? written : code;
  return worst === exitCodes.done ? reportCode(report, options) : worst;
}

async function liveView(terminal: Terminal): Promise<LiveView> {
  const { LiveView } = await import('./live-view.ts');
  return new LiveView((format, text) => terminal.style(format, text));
}

/** Keeps the last minutes, for a crash and for alerts. */
function recordFlight(run: Run, { scrub }: Plan): FlightRecorder {
  const recorder = new FlightRecorder(run, { scrub });
  recorder.recordOnCrash();
  return recorder;
}

// A reader of our output that has gone has had what it wanted.
function failureCode(failure: unknown, terminal: Terminal): number {
  const isClosed = isPipelineError(failure) && failure.code === 'ERR_OUTPUT_CLOSED';
  if (isClosed || terminal.isBroken) return exitCodes.done;
  // What became of standard output is said once, at the end.
  const cause = terminal.failure?.cause;
  const isOutput = cause !== undefined && isPipelineError(failure) && failure.cause === cause;
  return isOutput ? exitCodes.failed : reportFailure(failure, terminal);
}

/** Saves the report where that was asked for, and says where standard output has failed. */
async function saveReport(
  report: RunReport,
  reportFile: ReportFile | undefined,
  terminal: Terminal,
): Promise<number> {
  let code: number = exitCodes.done;
  try {
    await reportFile?.write(`${JSON.stringify(reportJson(report))}\n`);
  } catch (error) {
    code = reportFailure(error, terminal);
  }
  return terminal.failure === undefined ? code : reportFailure(terminal.failure, terminal);
}

async function printReport(
  report: RunReport,
  planned: PlannedFile,
  options: RunCommandOptions,
  terminal: Terminal,
): Promise<void> {
  const stream = writesStdout(planned.plan) ? terminal.err : terminal.out;
  const lines =
    options.report === 'json'
      ? [JSON.stringify(reportJson(report))]
      : stream.isTTY
        ? reportTable(report, (text) => terminal.style('bold', text, stream), widthOf(stream))
        : reportLines(report);
  const places = options.report === 'json' ? [] : placesOf(report, planned);
  const all = [...lines, ...places];
  if (stream === terminal.out) for (const line of all) terminal.print(line);
  await terminal.tried();
  if (stream === terminal.err || terminal.failure !== undefined) {
    for (const line of all) terminal.complain(line);
  }
}

/** Where the results are, and the dead letters if there are any. */
function placesOf({ components }: RunReport, { plan, directory }: PlannedFile): string[] {
  const places = plan.sinks.flatMap(({ node, options }) => {
    const path = pathIn(options);
    return path === undefined ? [] : [`${node.id}: ${shown(directory, path)}`];
  });
  // Also where none is committed: some may be in the file all the same.
  if (components.some((component) => component.kind === 'dead-letters' && component.in > 0)) {
    const path = pathIn(plan.deadLetters?.options) ?? deadLetterPath(plan.name);
    places.push(`dead letters: ${shown(directory, path)}`);
  }
  return places.map(escapeControls);
}

function pathIn(options: unknown): string | undefined {
  const path = (options as { readonly path?: unknown } | undefined)?.path;
  return typeof path === 'string' ? path : undefined;
}

/** A path as one may type it here. */
function shown(directory: string, path: string): string {
  const absolute = resolve(directory, path);
  const short = relative(process.cwd(), absolute);
  return short.startsWith('..') ? absolute : short;
}

function writesStdout({ sinks, deadLetters }: Plan): boolean {
  return [...sinks, ...(deadLetters === undefined ? [] : [deadLetters])].some(({ node }) => {
    const { component } = node;
    return component !== undefined && isDescribed(component)
      ? component.definition.spec.writesStdout === true
      : false;
  });
}

const signalCodes = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated } as const;

/** In Kubernetes it takes a while until nothing is sent any more to what is not ready. */
function usualDelayMs(): number {
  return process.env['KUBERNETES_SERVICE_HOST'] === undefined ? 0 : 5000;
}

/** How long a second signal lets components close, and output be taken, before the process ends. */
const abortMsMax = 1000;

/** Turns signals into the end of a run: the first lets it finish, the second does not. */
class Stopper {
  /** Set by the second signal. */
  exitCode: number | undefined;
  /** How long a stop may take. */
  drainMsMax = 0;
  /** How long a run reads on after SIGTERM. */
  drainDelayMs = 0;
  readonly #overdue = Promise.withResolvers<void>();
  readonly #terminal: Terminal;
  #run: Run | undefined;
  #signals = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => void this.#stop(signal));
    }
  }

  /** Resolves when the first signal was so long ago that the process is to end. */
  get overdue(): Promise<void> {
    return this.#overdue.promise;
  }

  set run(run: Run) {
    this.#run = run;
  }

  async #stop(signal: keyof typeof signalCodes): Promise<void> {
    this.#signals++;
    if (this.#run === undefined) {
      // Nothing is to be finished.
      if (this.#signals === 1) this.#terminal.complain('stopped before anything flowed');
      await this.#terminal.leave(
        this.#signals === 1 ? exitCodes.done : signalCodes[signal],
        abortMsMax,
      );
    } else if (this.#signals === 1) {
      // Who presses Ctrl+C waits for nobody who might still send something.
      const delayMs = signal === 'SIGTERM' ? this.drainDelayMs : 0;
      const what =
        delayMs === 0
          ? 'finishing what is in flight'
          : `not ready, and reading for ${delayMs} ms more`;
      this.#terminal.complain(`stopping: ${what} (a second signal stops at once)`);
      // How it ends is seen by whoever waits for the run.
      const run = this.#run;
      changedBy(signal, () => run.stop({ delayMs })).catch(() => {});
      await systemClock.sleep(delayMs + this.drainMsMax + abortMsMax);
      this.#overdue.resolve();
    } else {
      this.exitCode = signalCodes[signal];
      const run = this.#run;
      const over = changedBy(signal, () => run.abort());
      await Promise.race([over, systemClock.sleep(abortMsMax)]);
      await this.#terminal.leave(this.exitCode, abortMsMax);
    }
  }
}
