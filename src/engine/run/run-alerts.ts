import type { Outside } from '../../core/index.ts';
import { within } from '../../core/within.ts';
import { PipelineError } from '../../errors.ts';
import type { Alert } from '../../observe/alerts/alert.ts';
import type { AlertLimits, AlertRule } from '../../observe/alerts/rule.ts';
import type { Alerts, LimitsChange } from '../../observe/alerts.ts';
import type { AlertWebhook } from '../../observe/alerts/webhook.ts';
import type { Emitter } from '../../observe/emitter.ts';
import type { RunStats } from '../../observe/snapshot.ts';
import type { Ticker } from '../../observe/ticker.ts';
import type { AlertSettings } from '../description.ts';

/** How long the last alerts may take to be delivered once the run is over. */
const deliverMsMax = 5000;

export interface RunAlertsParts {
  readonly pipeline: string;
  readonly rules: readonly AlertRule[] | undefined;
  readonly settings: AlertSettings | undefined;
  readonly emitter: Emitter;
  readonly outside: Outside;
  readonly ticker: Ticker;
}

/** Raises alerts on a run by the rules that it was given, or by those of its pipeline. */
export class RunAlerts {
  readonly #parts: RunAlertsParts;
  #alerts: Alerts | undefined;
  #webhook: AlertWebhook | undefined;
  #ready: Promise<void> | undefined;
  #unfollow: (() => void) | undefined;

  constructor(parts: RunAlertsParts) {
    this.#parts = parts;
  }

  /** Pending and firing, the worst first. */
  get active(): readonly Alert[] {
    return this.#alerts?.active ?? [];
  }

  /** Resolved lately, the oldest first. */
  get history(): readonly Alert[] {
    return this.#alerts?.history ?? [];
  }

  /** Throws `ERR_CONFIG_INVALID` also where the run is not watched, or not yet. */
  setLimits(rule: string, limits: Partial<AlertLimits>): LimitsChange {
    if (this.#alerts !== undefined) return this.#alerts.setLimits(rule, limits);
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: `alerts.${rule}`,
      fact: 'is no rule of this run, which is not watched, or not yet',
      remedy: 'give it alerts, and wait until it has started',
    });
  }

  /**
   * Looks at the run at each tick. Nothing is loaded where there are no rules; what fails here is
   * told, and is no failure of the run.
   */
  watch(): void {
    const { rules, settings } = this.#parts;
    if (rules === undefined && settings === undefined) return;
    this.#ready = this.#watch().catch((error: unknown) => this.#tellFailed(error));
  }

  /** Resolves when it looks at every tick from now on, or never will. */
  get ready(): Promise<void> | undefined {
    return this.#ready;
  }

  /** Looks no more, and waits until the webhook is told of what was seen. */
  async close(): Promise<void> {
    this.#unfollow?.();
    await this.#closeWebhook().catch((error: unknown) => this.#tellFailed(error));
  }

  async #watch(): Promise<void> {
    const { rules, settings, emitter, outside, ticker } = this.#parts;
    const { clock } = outside;
    const [{ Alerts, emitAlert }, { alertRuleFailed }] = await clock.hold(
      Promise.all([import('../../observe/alerts.ts'), import('../../observe/alerts/events.ts')]),
    );
    await this.#openWebhook(settings?.webhook);
    this.#alerts = new Alerts({
      rules: rules ?? (await this.#rulesOf(settings!)),
      onChange: (alert) => emitAlert(emitter, alert),
      onRuleError: ({ name: rule }, error) => emitter.emit(alertRuleFailed, { rule, error }),
    });
    this.#unfollow = ticker.follow((stats) => this.#look(stats));
  }

  #look(stats: RunStats): void {
    try {
      this.#alerts?.look(stats);
    } catch (error) {
      void this.#tellFailed(error);
    }
  }

  async #tellFailed(error: unknown): Promise<void> {
    this.#alerts = undefined;
    const { emitter, outside } = this.#parts;
    const { alertsFailed } = await outside.clock.hold(import('../../observe/alerts/events.ts'));
    emitter.emit(alertsFailed, { error });
  }

  async #closeWebhook(): Promise<void> {
    if (this.#webhook === undefined) return;
    const { clock } = this.#parts.outside;
    const limit = new AbortController();
    const closed = this.#webhook.close(limit.signal);
    await within({ clock, limitMs: deliverMsMax }, closed, () => {
      limit.abort();
      return closed;
    });
  }

  async #rulesOf({ limits, memoryMiBMax }: AlertSettings): Promise<AlertRule[]> {
    const { clock } = this.#parts.outside;
    const { shippedRules } = await clock.hold(import('../../observe/alerts/shipped.ts'));
    return shippedRules(limits, memoryMiBMax === undefined ? {} : { memoryMiBMax });
  }

  async #openWebhook(settings: AlertSettings['webhook']): Promise<void> {
    if (settings === undefined) return;
    const { pipeline, emitter, outside } = this.#parts;
    const { clock, random, network } = outside;
    const [{ AlertWebhook }, { resilient }, { alertUndelivered }] = await clock.hold(
      Promise.all([
        import('../../observe/alerts/webhook.ts'),
        import('../../resilience/resilient.ts'),
        import('../../observe/alerts/events.ts'),
      ]),
    );
    this.#webhook = new AlertWebhook({
      ...settings,
      pipeline,
      network,
      policy: resilient({
        name: 'alert-webhook',
        timeout: { timeoutMs: 10_000 },
        retry: { maxAttempts: 5, baseDelayMs: 500, jitter: 'full' },
        clock,
        random,
      }),
      onError: (reason, { name: told, fields }) => {
        const { rule, id } = fields;
        emitter.emit(alertUndelivered, { told, rule, id, reason });
      },
    });
    emitter.listen(this.#webhook.listener);
  }
}
