import { signal } from '@preact/signals';

import type { Lapse, Role, SessionDocument } from '../../src/server/api-types.ts';
import { ask, command, onUnknown, Refused } from './api.ts';
import { follow, unfollow } from './live.ts';
import { goTo } from './route.ts';

/** Who looks: nobody who is known, or with which role; undefined while that is being asked. */
export const session = signal<Role | 'nobody' | undefined>(undefined);

/** Why whoever looked is not known any more: `gone` where the browser has no session, and that is all. */
export type WhyUnknown = Lapse | 'gone';

/** That; undefined where nobody was known. */
export const lapse = signal<WhyUnknown | undefined>(undefined);

/** Signs in with the code of the address, where it has one, and follows the pipeline. */
export async function enter(): Promise<void> {
  onUnknown(() => void look());
  // A page that is open already is given another code without being loaded anew.
  addEventListener('hashchange', ({ oldURL }) => {
    if (codeOf(location.hash) !== null) void launch(new URL(oldURL).hash);
  });
  await launch('');
}

/** Signs in with a token. Throws `Refused`. */
export async function signIn(token: string): Promise<void> {
  await command('session', { secret: token });
  await lookAnew();
}

/** `before`: where the reader was. */
async function launch(before: string): Promise<void> {
  const code = codeOf(location.hash);
  // It leaves the address bar, and with it the history, before anything else happens.
  if (code !== null) {
    goTo(before);
    await command('session', { secret: code }).catch(() => {});
  }
  await lookAnew();
}

function codeOf(hash: string): string | null {
  return new URLSearchParams(hash.slice(1)).get('launch');
}

let looking: { readonly leaving: AbortController; readonly done: Promise<void> } | undefined;
let again: ReturnType<typeof setTimeout> | undefined;

/** Asks who looks; of several at once, once. */
function look(): Promise<void> {
  return looking?.done ?? lookAnew();
}

/** Asks who looks since now: what was asked before tells of who it was then. */
function lookAnew(): Promise<void> {
  clearTimeout(again);
  looking?.leaving.abort();
  const leaving = new AbortController();
  const done = ask<SessionDocument>('session', leaving.signal)
    .then(
      (told) => (leaving.signal.aborted ? undefined : take(told)),
      (error: unknown) => (leaving.signal.aborted ? undefined : refuse(error)),
    )
    .finally(() => {
      if (looking?.done === done) looking = undefined;
    });
  looking = { leaving, done };
  return done;
}

/** When the session ends unless it goes on, as `performance.now()`. */
let endsAtMs = Infinity;

function take({ role, leftMs = Infinity, lapse: why }: SessionDocument): void {
  const wasKnown = session.peek() === 'admin' || session.peek() === 'read';
  session.value = role ?? 'nobody';
  if (role !== null) {
    lapse.value = undefined;
    lasts(leftMs);
    follow(() => void look());
    return;
  }
  // It may go on by itself, and show figures to nobody.
  unfollow();
  // The browser itself forgets what is too old, and says nothing of it.
  const gone = performance.now() < endsAtMs - lastMsMax ? 'gone' : 'expired';
  lapse.value = why ?? (wasKnown ? gone : lapse.peek());
  // Signed in elsewhere, or the server is back with the token of before.
  lookLater();
}

/** A browser counts the time of a cookie in seconds. */
const lastMsMax = 1000;

function lasts(leftMs: number): void {
  endsAtMs = performance.now() + leftMs;
  if (leftMs < Infinity) again = setTimeout(renew, Math.max(lastMsMax, leftMs / 2));
}

/** Has the session go on: a page that is open uses it. */
function renew(): void {
  const renewed = command<{ leftMs: number }>('session', {});
  void renewed.then(
    ({ leftMs }) => lasts(leftMs),
    () => look(),
  );
}

function refuse(error: unknown): void {
  if (!(error instanceof Refused)) throw error;
  if (error.status === 429) {
    session.value = 'nobody';
    unfollow();
  }
  lookLater();
}

function lookLater(): void {
  again = setTimeout(() => void look(), againMs);
}

const againMs = 2000;
