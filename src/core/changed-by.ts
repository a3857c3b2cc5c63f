import type { AsyncLocalStorage } from 'node:async_hooks';

import { PipelineError } from '../errors.ts';
import { type Clock, systemClock } from './clock.ts';

/** Where the times of changes come from. */
export interface ChangedByOptions {
  /** The machine's unless given. */
  readonly clock?: Pick<Clock, 'now'> | undefined;
}

/** A change that is not over. */
export interface ChangeUnderWay {
  /** What it was before the change, or before the part of it that is not noted yet. */
  from: unknown;
  at: number;
  by: string | null;
}

interface Author {
  readonly name: string;
  readonly clock: Pick<Clock, 'now'> | undefined;
}

// Loaded and made when it is first needed: where nobody says who makes changes, none asks.
let authors: AsyncLocalStorage<Author> | undefined;

/**
 * Calls a function, and notes that name for the audited changes that it makes, after what it awaits
 * as well. Returns what it returns. Within another, the inner one counts.
 */
export function changedBy<R>(name: string, change: () => R, options: ChangedByOptions = {}): R {
  if (typeof name !== 'string' || name === '') throw misused('was given no name');
  if (typeof change !== 'function') throw misused('was given no function');
  const clock = options?.clock;
  if (clock !== undefined && typeof clock?.now !== 'function') {
    throw misused('was given a clock that has no `now`');
  }
  authors ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<Author>();
  return authors.run({ name, clock }, change);
}

/** The name that `changedBy` gave to whoever makes changes now; null where nobody said. */
export function changeAuthor(): string | null {
  return authors?.getStore()?.name ?? null;
}

/** Notes that a change begins now, by whom `changedBy` says. */
export function beginChange(change: ChangeUnderWay, from: unknown): void {
  const author = authors?.getStore();
  change.at = author?.clock === undefined ? timeOfTurn() : author.clock.now();
  change.by = author === undefined ? null : author.name;
  change.from = from;
}

const usesMax = 64;
let time = 0;
let usesLeft = 0;
let willForget = false;

/**
 * The time as an event loop has it: read once for changes that follow one another without a wait, and
 * anew after 64 of them, as reading it takes ten times what a change does. So it is never late, and
 * early by as long as that code has run.
 */
function timeOfTurn(): number {
  if (usesLeft > 0) {
    usesLeft--;
    return time;
  }
  time = systemClock.now();
  usesLeft = usesMax - 1;
  if (!willForget) {
    willForget = true;
    queueMicrotask(forget);
  }
  return time;
}

function forget(): void {
  usesLeft = 0;
  willForget = false;
}

function misused(fact: string): PipelineError {
  return new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: 'changedBy',
    fact,
    remedy:
      "write `changedBy('name', () => …)`, with `{ clock }` where times are not the machine's",
  });
}
