import type { BreakerState } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import type { BreakerHealth } from './health-report.ts';

/** A circuit breaker as it is observed; one of `millrace/resilience` is such. */
export interface ObservedBreaker {
  readonly name: string;
  readonly state: BreakerState;
  readonly metrics: { readonly openCount: number; readonly fastFail: number };
  /** Tells of its changes, as they happen. Gives what ends that. */
  listen?(listener: (event: BreakerEvent) => void): () => void;
}

/** What a breaker tells its listeners of. */
export interface BreakerEvent {
  readonly type: string;
  readonly from?: BreakerState;
  readonly to?: BreakerState;
  readonly reason?: string;
}

/** What stands in for failures, as it is observed; a strategy of `millrace/resilience` is such. */
export interface ObservedFallback {
  summary(): { readonly stale: number; readonly interpolated: number; readonly constant: number };
}

/** Breakers and fallbacks of the user's. One that throws is as it was when it last did not. */
export class WatchedPolicies {
  readonly #breakers: readonly ObservedBreaker[];
  readonly #fallbacks: readonly ObservedFallback[];
  readonly #health = new Map<ObservedBreaker, BreakerHealth>();
  readonly #substituted = new Map<ObservedFallback, number>();

  /** Throws `ERR_CONFIG_INVALID` where one is none, or two breakers have one name. */
  constructor(breakers: readonly ObservedBreaker[], fallbacks: readonly ObservedFallback[]) {
    requireItems('breaker', breakers, isBreaker);
    requireItems('fallback', fallbacks, isFallback);
    requireNames(breakers);
    this.#breakers = breakers;
    this.#fallbacks = fallbacks;
  }

  breakers(): readonly BreakerHealth[] {
    for (const breaker of this.#breakers) ask(this.#health, breaker, healthOf);
    return Object.freeze([...this.#health.values()]);
  }

  /** Results that fallbacks have given so far. */
  substituted(): number {
    for (const fallback of this.#fallbacks) ask(this.#substituted, fallback, substitutedBy);
    return this.#substituted.values().reduce((sum, count) => sum + count, 0);
  }
}

function ask<K, V>(known: Map<K, V>, one: K, read: (one: K) => V): void {
  try {
    known.set(one, read(one));
  } catch {
    // What it said last is known.
  }
}

function healthOf({ name, state, metrics }: ObservedBreaker): BreakerHealth {
  const { openCount: opens, fastFail: refused } = metrics;
  return Object.freeze({ name, state, opens, refused });
}

function substitutedBy(fallback: ObservedFallback): number {
  const { stale, interpolated, constant } = fallback.summary();
  return stale + interpolated + constant;
}

function isBreaker({ name, state, metrics }: Partial<ObservedBreaker>): boolean {
  const counts = [metrics?.openCount, metrics?.fastFail];
  const areTexts = typeof name === 'string' && typeof state === 'string';
  return areTexts && counts.every((count) => typeof count === 'number');
}

function isFallback({ summary }: Partial<ObservedFallback>): boolean {
  return typeof summary === 'function';
}

function requireItems<T extends object>(
  what: string,
  items: readonly T[],
  isOne: (item: Partial<T>) => boolean,
): void {
  if (!Array.isArray(items)) throw refused(`${what}s`, 'is no list', `give a list of ${what}s`);
  const at = items.findIndex((item) => !isOne(Object(item) as T));
  if (at === -1) return;
  const fact = `has an item ${at + 1} that is no ${what}`;
  throw refused(`${what}s`, fact, 'give those of `millrace/resilience`, or what has their members');
}

/** By their names they are told apart, in reports and in the log. */
function requireNames(breakers: readonly ObservedBreaker[]): void {
  const names = breakers.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice === undefined) return;
  throw refused(
    'breakers',
    `has two breakers of the name \`${twice}\``,
    'give each its own `name`',
  );
}

function refused(option: string, fact: string, remedy: string): PipelineError {
  const place = `PipelineHealthDashboard.${option}`;
  return new PipelineError({ code: 'ERR_CONFIG_INVALID', place, fact, remedy });
}
