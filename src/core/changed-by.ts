import type { AsyncLocalStorage } from 'node:async_hooks';

import { PipelineError } from '../errors.ts';
import type { ChangeTrail } from './change-trail.ts';
import { type Clock, systemClock } from './clock.ts';

/** Where the times of changes come from. */
export interface ChangedByOptions {
  /** The machine's unless given. */
  readonly clock?: Pick<Clock, 'now'> | undefined;
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
export function changedBy<R>(name: string, change: () => R, { clock }: ChangedByOptions = {}): R {
  if (typeof name !== 'string' || name === '') {
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: 'changedBy',
      fact: 'was given no name',
      remedy: "write `changedBy('name', () => …)`",
    });
  }
  authors ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<Author>();
  return authors.run({ name, clock }, change);
}

/** The name that `changedBy` gave to whoever makes changes now; null where nobody said. */
export function changeAuthor(): string | null {
  return authors?.getStore()?.name ?? null;
}

/** Adds a change, made now by whom `changedBy` says. Each has its own reading of the clock. */
export function addChange(trail: ChangeTrail, from: unknown, to: unknown): void {
  const author = authors?.getStore();
  const at = (author?.clock ?? systemClock).now();
  trail.add(at, from, to, author === undefined ? null : author.name);
}
