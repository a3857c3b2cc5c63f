import { PipelineError } from '../../errors.ts';
import { withinLimit } from '../limit.ts';
import type { Plan } from '../planned.ts';

const remedy = 'raise `drainMsMax`, or see which component is slow';

export interface DrainDeadlineParts {
  readonly plan: Plan;
  /** Aborts when the run is stopped at once. */
  readonly signal: AbortSignal;
  /** Why the run goes on but not as it should, by component. */
  readonly degraded: () => ReadonlyMap<string, string>;
}

/** How long a stop may take to finish what is in flight, and what it waits for meanwhile. */
export class DrainDeadline {
  readonly #parts: DrainDeadlineParts;
  readonly #awaited = new Set<string>();
  readonly #overdue: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(parts: DrainDeadlineParts) {
    this.#parts = parts;
  }

  /** Resolves when a stop has taken as long as it may. */
  get overdue(): Promise<void> {
    return this.#overdue.promise;
  }

  /** What holds up the end of a run has as long as a stop has for everything. */
  async within(id: string, what: string, call: () => Promise<void>): Promise<void> {
    const { plan, signal } = this.#parts;
    const { clock } = plan.outside;
    const { drainMsMax: limitMs } = plan.settings;
    const awaited = `\`${id}\` to ${what}`;
    this.#awaited.add(awaited);
    try {
      await withinLimit(call, { id, what, limitMs, remedy, clock, signal });
    } finally {
      this.#awaited.delete(awaited);
    }
  }

  /** Resolves when the time is over; false where `ended` aborts before. */
  async passes(ended: AbortSignal): Promise<boolean> {
    const { outside, settings } = this.#parts.plan;
    try {
      await outside.clock.sleep(settings.drainMsMax, { signal: ended });
    } catch {
      return false;
    }
    this.#overdue.resolve();
    return true;
  }

  /** What a stop that has taken too long fails with. */
  failure(): PipelineError {
    const { plan, degraded } = this.#parts;
    const waits = [...this.#awaited].map((what) => `; still waiting for ${what}`);
    const reasons = [...degraded()].map(([id, reason]) => `; \`${id}\`: ${reason}`);
    const late = `what was in flight was not finished within ${plan.settings.drainMsMax} ms`;
    const fact = [late, ...waits, ...reasons].join('');
    return new PipelineError({ code: 'ERR_RUN_DEADLINE', place: plan.name, fact, remedy });
  }
}
