import type { Clock, Policy, Random } from '../core/index.ts';
import type { PolicyListener } from './events.ts';

/** A call under a policy; the signal aborts when its caller gives it up. */
export type Attempt<T> = (signal: AbortSignal) => Promise<T>;

/** What every policy is told. */
export interface PolicyOptions {
  /** For events, statistics and errors. */
  readonly name?: string | undefined;
  /** Told of what the policy does, at once; what it throws is ignored. */
  readonly onEvent?: PolicyListener | undefined;
  /** The system's unless given. */
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** A policy is no options. */
  readonly execute?: never;
}

/** The function that makes a policy. */
export type PolicyKind =
  'retry' | 'circuitBreaker' | 'timeout' | 'bulkhead' | 'rateLimit' | 'hedge' | 'fallback';

/** What a policy, or a part of one, was made with, its defaults too: plain data, to be shown. */
export interface Shown {
  readonly options?: unknown;
}

export function isPolicy(value: unknown): value is Policy {
  try {
    return typeof (value as Partial<Policy> | null | undefined)?.execute === 'function';
  } catch {
    // A proxy that shows nothing.
    return false;
  }
}

/** What made a policy; undefined where that is none of ours, or it is made of several. */
export function kindOf(policy: Policy): PolicyKind | undefined {
  return (policy as { readonly kind?: PolicyKind }).kind;
}

/** A policy made of several. */
export abstract class Composite<P extends Policy = Policy> implements Policy {
  /** The outermost first; none of them is made of others. */
  abstract readonly policies: readonly P[];
  abstract execute<T>(attempt: Attempt<T>, signal?: AbortSignal): Promise<T>;
}

/** The policies that one is made of, the outermost first: itself, unless it is made of several. */
export function policiesOf(policy: Policy): readonly Policy[] {
  return policy instanceof Composite ? policy.policies : [policy];
}

/** The signal of a call that nobody can give up. */
export const neverAborted: AbortSignal = new AbortController().signal;

/**
 * Starts an attempt, under the policy within, if any; where it throws at once, or is not
 * asynchronous, it is a promise all the same.
 */
export function started<T>(attempt: Attempt<T>, signal: AbortSignal, inner?: Policy): Promise<T> {
  try {
    return Promise.resolve(inner === undefined ? attempt(signal) : inner.execute(attempt, signal));
  } catch (error) {
    return Promise.reject(error as Error);
  }
}
