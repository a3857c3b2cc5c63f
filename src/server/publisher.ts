import { changedBy } from '../core/changed-by.ts';
import { type Clock, type LogLevel, silentLogger, type Timer } from '../core/index.ts';
import type { DataSampling, Run } from '../engine/index.ts';
import { isPipelineError } from '../errors.ts';
import {
  commandReceived,
  loopResumed,
  loopStalled,
  serverFailed,
} from '../observe/server-events.ts';
import { alertChanges } from '../observe/alerts/events.ts';
import { breakerChanged } from '../observe/events.ts';
import type { AlertLimits } from '../observe/alerts/rule.ts';
import { expositionFormat, expositionTypes, prometheusText } from '../observe/exposition.ts';
import { metricsRegistry } from '../observe/metrics-registry.ts';
import { isEvent, type ObservedEvent } from '../observe/emitter.ts';
import type { RunStats, RunStatus } from '../observe/snapshot.ts';
import { dataAnswer } from './data-answer.ts';
import {
  type Answer,
  type Command,
  internalFailure,
  type PublishedDocument,
  type Question,
  type ToServer,
} from './messages.ts';
import type { BreakerTransition } from './api-types.ts';
import { transitionsOf } from './breaker-transitions.ts';
import { FailureReports } from './failure-reports.ts';
import { Outbox } from './outbox.ts';
import type { ObservationParts } from './parts.ts';

/** How often the loop shows that it turns, and sends what there is. */
export const beatEveryMs = 100;

export interface PublisherParts {
  readonly run: Run;
  readonly parts: ObservationParts;
  /** Lines from before it was there. */
  readonly early?: readonly string[];
  readonly clock: Clock;
  readonly post: (message: ToServer) => void;
  /** What goes to the other side of figures: their text where that is another thread. */
  readonly written: (figures: object) => PublishedDocument;
  /** How many messages the other side has taken. */
  readonly taken: () => number;
  /** Called each time that the loop has turned. */
  readonly beat: () => void;
  /** Is told where the run stands, ahead of the answer to whoever changed it. */
  readonly stands: (status: RunStatus) => void;
}

/** The pipeline's side of a server: says what is, once a second and on change, and does as it is told. */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #outbox: Outbox;
  readonly #beating: Timer;
  readonly #listening: readonly (() => void)[];
  readonly #data: DataSampling;
  readonly #failures: FailureReports;
  /** When the loop is to turn next. */
  #dueMs: number;
  #status: RunStatus | undefined;
  #isStopped = false;
  /** How many changes of breakers there were. */
  #transitions = 0;
  /** Whether an alert has changed since the last publication. */
  #isChanged = false;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    const { clock, post, taken, early = [] } = parts;
    this.#outbox = new Outbox(post, taken);
    this.#failures = new FailureReports(clock, (error, leftOut) =>
      parts.run.emit(serverFailed, { error, leftOut: leftOut === 0 ? undefined : leftOut }),
    );
    this.#dueMs = clock.monotonic();
    this.#beating = clock.timer(() => this.#beat(), { keepsAlive: false });
    // What may throw comes first: nothing is followed then.
    this.#outbox.document('topology', JSON.stringify(parts.run.topology()));
    const manifest = parts.parts.manifest?.();
    if (manifest !== undefined) this.#outbox.document('manifest', JSON.stringify(manifest));
    const { log } = parts.parts;
    const told = (data: string): void => this.#outbox.event({ type: 'log', data });
    for (const line of early) told(line);
    this.#listening = [
      parts.run.listen((event) => this.#heed(event)),
      parts.run.follow((stats) => this.#take(stats)),
      ...(log === undefined ? [] : [log.follow(told)]),
    ];
    this.#data = parts.run.sampleData();
    this.#beat();
  }

  /** Characters that wait for the server, here and on their way. */
  get heldBytes(): number {
    return this.#outbox.heldBytes;
  }

  /** Says what there is, and then says and hears nothing more. */
  stop(): void {
    if (this.#isStopped) return;
    this.#tell();
    this.#outbox.flush({ isLast: true });
    this.#isStopped = true;
    this.#beating.stop();
    for (const end of this.#listening) end();
    this.#data[Symbol.dispose]();
    this.#failures[Symbol.dispose]();
  }

  /** Tells how long the loop stood still, now that it turns again. */
  resumed(stalledMs: number): void {
    const { run } = this.#parts;
    // The other thread has logged it when it began.
    run.emit(loopStalled, { stalledMs }, { log: silentLogger });
    run.emit(loopResumed, { stalledMs });
  }

  /** Tells that the server could not answer. */
  failed(error: unknown): void {
    this.#failures.tell(error);
  }

  /** Tells that the server is no more. */
  ended(error: unknown): void {
    this.#parts.run.emit(serverFailed, { error, leftOut: undefined }, { level: 'ERROR' });
  }

  /** Answers what only this thread can. Never throws: observation ends no pipeline. */
  answer(question: Question): Answer {
    try {
      return this.#answer(question);
    } catch (error) {
      this.failed(error);
      return internalFailure;
    }
  }

  #answer(question: Question): Answer {
    const { name } = question;
    if (name === 'metrics') return this.#metrics(question.accept);
    if (name === 'flight-recorder') return documentOf(this.#parts.parts.flightRecorder?.(), name);
    if (name === 'data') return dataAnswer(this.#data, question.query, question.role);
    const { asker } = question;
    const { role, by, address } = asker;
    const who = `${role} by ${by} from ${address}`;
    const answer = changedBy(who, () => this.#command(question));
    const outcome = 'status' in answer ? answer.code : 'done';
    this.#parts.run.emit(commandReceived, { command: name, outcome, ...asker });
    this.#publish(this.#parts.run.stats());
    return answer;
  }

  #heed(event: ObservedEvent): void {
    if (event.name.startsWith('run.')) this.#tell();
    if (alertChanges.some((change) => isEvent(event, change))) this.#isChanged = true;
    if (!isEvent(event, breakerChanged)) return;
    for (const change of transitionsOf(event.at, event.fields)) {
      const transition: BreakerTransition = { seq: ++this.#transitions, ...change };
      this.#outbox.event({ type: 'breaker', data: JSON.stringify(transition) });
    }
  }

  #beat(): void {
    if (this.#isStopped) return;
    const { beat, clock } = this.#parts;
    beat();
    this.#outbox.delayed(clock.monotonic() - this.#dueMs);
    this.#tell();
    this.#dueMs = clock.monotonic() + beatEveryMs;
    this.#beating.set(this.#dueMs);
  }

  #tell(): void {
    const { run, stands } = this.#parts;
    const { status } = run;
    try {
      if (this.#isChanged || status !== this.#status) this.#publish(run.stats());
      else this.#outbox.flush();
    } catch (error) {
      // Thrown from a timer, it would end the process.
      this.failed(error);
      stands(status);
    }
  }

  /** Where an alert has just changed, the next beat publishes figures that have it. */
  #take(stats: RunStats): void {
    if (!this.#isChanged) this.#publish(stats);
  }

  #publish(stats: RunStats): void {
    const { run, written } = this.#parts;
    this.#status = stats.status;
    this.#isChanged = false;
    this.#outbox.document('snapshot', written(stats));
    // As it is now: the run goes on writing to its history.
    const alerts = { active: stats.alerts, history: [...run.alertHistory] };
    this.#outbox.document('alerts', written(alerts));
    // Not before: who finds it ready finds what it has said too. Not after: it is judged by both.
    this.#parts.stands(stats.status);
    this.#outbox.flush();
  }

  #metrics(accept: string): Answer {
    const { run, parts } = this.#parts;
    const { registries = [metricsRegistry] } = parts;
    const format = expositionFormat(accept);
    const text = prometheusText([run, ...registries], { format });
    return { type: expositionTypes[format], text };
  }

  #command({ name, input }: Command): Answer {
    const { run } = this.#parts;
    try {
      if (name === 'pause') run.pause();
      else if (name === 'resume') run.resume();
      else if (name === 'drain') run.stop().catch(() => {});
      else if (name === 'alert-limits') {
        const { rule, limits } = input as { rule: string; limits: Partial<AlertLimits> };
        run.setAlertLimits(rule, limits);
      } else {
        const refused = this.#setLevel(input as { level: LogLevel; component?: string });
        if (refused !== undefined) return refused;
      }
    } catch (error) {
      if (!isPipelineError(error)) throw error;
      const status = error.code === 'ERR_CONFIG_INVALID' ? 400 : 409;
      return { status, code: error.code, message: error.fact };
    }
    return { type: 'application/json', text: JSON.stringify({ status: run.status }) };
  }

  /** Gives why not, where it does not. */
  #setLevel({ level, component }: { level: LogLevel; component?: string }): Answer | undefined {
    const { run, parts } = this.#parts;
    const { log } = parts;
    if (log === undefined) return absent('log level');
    if (component === undefined) {
      const from = log.minLevel;
      log.minLevel = level;
      run.noteChange('logLevel', from, level);
      return undefined;
    }
    const known = [...run.stats().components.map(({ id }) => id), log.component];
    if (!known.includes(component)) {
      return { status: 404, code: 'component', message: `there are ${known.join(', ')}` };
    }
    const from = log.levelOf(component);
    log.setLevel(component, level);
    run.noteChange(`logLevel.${component}`, from, level);
    return undefined;
  }
}

function documentOf(document: object | undefined, name: string): Answer {
  if (document === undefined) return absent(name);
  return { type: 'application/json', text: JSON.stringify(document) };
}

function absent(name: string): Answer {
  return { status: 404, code: 'absent', message: `this run has no ${name}` };
}
