import type { AlertRule } from '../../observe/alerts/rule.ts';
import type { Emitter } from '../../observe/emitter.ts';
import { figuresFailed } from '../../observe/events.ts';
import type { Moment } from '../../observe/moment.ts';
import type { RunReport, RunStats, StatsOptions } from '../../observe/snapshot.ts';
import { type StatsFollower, Ticker } from '../../observe/ticker.ts';
import type { Plan } from '../planned.ts';
import { Load, type LoadTimes } from './load.ts';
import { RunAlerts } from './run-alerts.ts';
import type { RunChanges } from './run-changes.ts';
import { reportOf, type StatsParts, statsOf } from './stats.ts';
import type { RunWork } from './work.ts';

export interface RunFiguresParts {
  readonly plan: Plan;
  readonly work: RunWork;
  readonly emitter: Emitter;
  readonly changes: RunChanges;
  /** What it is watched for; as its settings say unless given. */
  readonly rules: readonly AlertRule[] | undefined;
  readonly started: Moment;
}

/** What a run shows of its work: its figures, at any moment and once a second, and the alerts on them. */
export class RunFigures {
  readonly alerts: RunAlerts;
  readonly #parts: RunFiguresParts;
  readonly #load: Load;
  readonly #ticker: Ticker;
  #endedMs: number | undefined;

  constructor(parts: RunFiguresParts) {
    this.#parts = parts;
    const { plan, emitter, rules, started, work } = parts;
    const { clock } = plan.outside;
    this.#load = new Load({
      startedMs: started.monotonicMs,
      times: (nowMs) => this.#timesAt(nowMs),
    });
    this.#ticker = new Ticker(clock, () => this.stats(), {
      begin: () => work.components.observed.forEach(({ recent }) => recent.begin()),
      advance: () => {
        plan.standsFor?.measure();
        for (const { recent } of work.components.observed) recent.advance();
      },
      end: () => work.components.observed.forEach(({ recent }) => recent.end()),
      failed: (error) => emitter.emit(figuresFailed, { id: plan.name, figure: 'all', error }),
    });
    this.alerts = new RunAlerts({
      pipeline: plan.name,
      rules,
      settings: plan.settings.alerts,
      emitter,
      outside: plan.outside,
      ticker: this.#ticker,
    });
  }

  /** Whether the run is over, and its figures stay as they are. */
  get areFinal(): boolean {
    return this.#endedMs !== undefined;
  }

  /** Everything is open: looks out for alerts, and measures the load, until `ended` aborts. */
  begin(ended: AbortSignal): void {
    this.alerts.watch();
    void this.#load.watch(this.#parts.plan.outside.clock, ended);
  }

  /** All work is over. Resolves when whoever follows, and alerts, have seen how it ended. */
  async end(): Promise<void> {
    this.#endedMs = this.#parts.plan.outside.clock.monotonic();
    await this.alerts.ready;
    // What shows at the end alone, as a ledger that does not close, is seen by all too.
    this.#ticker.tick();
    await this.alerts.close();
  }

  stats(options?: StatsOptions): RunStats {
    return statsOf(this.#statsParts(options));
  }

  report(): RunReport {
    return reportOf(this.#statsParts());
  }

  follow(follower: StatsFollower): () => void {
    return this.#ticker.follow(follower);
  }

  /** How long each component was at work on this thread, or waited for the outside. */
  #timesAt(nowMs: number): Map<string, LoadTimes> {
    const { plan, work } = this.#parts;
    return new Map(
      work.components.observed.map((one) => {
        const { busyMs, waitingMs } = one.timesAt(nowMs);
        return [one.id, { busyMs: busyMs - (plan.standsFor?.busyMs(one.id) ?? 0), waitingMs }];
      }),
    );
  }

  #statsParts(options?: StatsOptions): StatsParts {
    const { plan, work, emitter, changes, started } = this.#parts;
    plan.standsFor?.measure();
    // What began by then is over later: no figure goes back.
    const nowMs = work.components.readClock();
    const untilMs = this.#endedMs ?? nowMs;
    return {
      options,
      plan,
      status: work.status,
      durationMs: untilMs - started.monotonicMs,
      nowMs,
      untilMs,
      observed: work.components.observed,
      deadLetters: work.deadLetters.count,
      degraded: work.degraded,
      failure: work.failure?.told,
      graph: work.graph,
      startedMs: started.monotonicMs,
      startedAt: started.at,
      events: emitter.counts,
      alerts: this.alerts.active,
      lastFailures: work.deadLetters.lastFailures,
      slowest: work.slowest,
      load: this.#load,
      tiers: work.tiers.health(),
      changes: changes.logs(),
    };
  }
}
