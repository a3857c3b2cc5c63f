import type { Network, Policy } from '../../core/index.ts';
import { reasonOf } from '../../errors.ts';
import { type EventListener, isEvent, type ObservedEvent } from '../emitter.ts';
import { alertFired, alertResolved } from './events.ts';

/** Where alerts are sent to. */
export interface AlertWebhookOptions {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Of the pipeline, for whoever gets alerts of several. */
  readonly pipeline: string;
  readonly network: Network;
  /** Around each request: a retry with a limit, say. Made once unless given. */
  readonly policy?: Policy;
  /** How many wait at most; the oldest is given up then. 100 unless given. */
  readonly queueMax?: number;
  /** Told of each that was not delivered. */
  readonly onError?: (reason: string, event: ObservedEvent) => void;
}

/** Sends alerts that fire or are resolved to a URL, one after the other, each as one JSON object. */
export class AlertWebhook {
  readonly #options: AlertWebhookOptions;
  readonly #waiting: ObservedEvent[] = [];
  readonly #aborting = new AbortController();
  #sending: Promise<void> | undefined;

  constructor(options: AlertWebhookOptions) {
    this.#options = options;
  }

  /** Give it to `run.listen`. */
  readonly listener: EventListener = (event) => {
    if (!isEvent(event, alertFired) && !isEvent(event, alertResolved)) return;
    this.#waiting.push(event);
    const { queueMax = 100, onError } = this.#options;
    if (this.#waiting.length > queueMax) {
      onError?.(`more than ${queueMax} wait`, this.#waiting.shift()!);
    }
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  };

  /** Resolves when all that waited is delivered or given up; at once when `signal` aborts. */
  async close(signal: AbortSignal): Promise<void> {
    const abort = (): void => this.#aborting.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    await this.#sending;
    signal.removeEventListener('abort', abort);
  }

  async #send(): Promise<void> {
    const { policy, onError } = this.#options;
    const { signal } = this.#aborting;
    for (let event = this.#waiting.shift(); event !== undefined; event = this.#waiting.shift()) {
      if (signal.aborted) {
        onError?.('not sent: the webhook is closed', event);
        continue;
      }
      const sent = event;
      const attempt = (one: AbortSignal): Promise<void> => this.#post(sent, one);
      try {
        await (policy === undefined ? attempt(signal) : policy.execute(attempt, signal));
      } catch (error) {
        onError?.(reasonOf(error), event);
      }
    }
  }

  async #post({ name, at, fields }: ObservedEvent, signal: AbortSignal): Promise<void> {
    const { url, headers, pipeline, network } = this.#options;
    const response = await network.fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({
        event: name,
        timestamp: new Date(at).toISOString(),
        pipeline,
        ...fields,
      }),
      redirect: 'error',
      signal,
    });
    await response.body?.cancel();
    if (!response.ok) throw new WebhookRefused(response);
  }
}

/** An answer that is no success. */
class WebhookRefused extends Error {
  override readonly name = 'WebhookRefused';
  readonly status: number;
  readonly headers: Headers;

  constructor({ status, headers }: Response) {
    super(`the webhook answered ${status}`);
    this.status = status;
    // Where a retry looks for `Retry-After`.
    this.headers = headers;
  }
}
