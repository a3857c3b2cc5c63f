import type { Position, SourceConnector } from '../core/index.ts';
import type { Calls } from './calls.ts';
import { callConnector } from './protocol.ts';

interface AcknowledgementParts {
  readonly id: string;
  readonly connector: SourceConnector;
  readonly calls: Calls;
  /** Aborts when the run is stopped at once. */
  readonly signal: AbortSignal;
}

/** Tells a source what is safe, one position at a time. */
export class Acknowledgement {
  readonly #parts: AcknowledgementParts;
  /** The newest position that is safe, until it is acknowledged. */
  #safe: { readonly position: Position } | undefined;
  #working: Promise<void> | undefined;

  constructor(parts: AcknowledgementParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when the source has heard that everything up to the position is safe, or up to a later
   * one: what becomes safe while it cannot be reached is said once. `within` limits one attempt.
   */
  async send(
    position: Position,
    within: (attempt: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    if (this.#parts.connector.acknowledge === undefined) return;
    this.#safe = { position };
    this.#working ??= this.#send(within).finally(() => (this.#working = undefined));
    await this.#working;
  }

  async #send(within: (attempt: () => Promise<void>) => Promise<void>): Promise<void> {
    const { id, connector, calls, signal } = this.#parts;
    while (this.#safe !== undefined) {
      let sent = this.#safe;
      const acknowledge = (attempt: AbortSignal): Promise<void> => {
        sent = this.#safe!;
        return within(() => connector.acknowledge!(sent.position, attempt));
      };
      await callConnector({ id, calls }, 'acknowledge', acknowledge, signal);
      if (this.#safe === sent) this.#safe = undefined;
    }
  }
}
