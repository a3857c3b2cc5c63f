import { createHmac, timingSafeEqual } from 'node:crypto';

import type { Clock } from '../core/index.ts';
import type { Role } from './routes.ts';

/** Why a cookie opens nothing: its time is over, or no session of this server is in it. */
export type Lapse = 'expired' | 'foreign';

/** How a session is kept in a browser. */
export interface Cookie {
  readonly name: string;
  readonly isSecure: boolean;
}

/** Who a cookie was given to, and until when it is one. */
export interface Session {
  readonly role: Role;
  readonly untilMs: number;
}

/** What is to be set as the cookie of a session, and until when it is one. */
export interface OpenedSession {
  readonly cookie: string;
  readonly untilMs: number;
}

/** Whose cookies opened nothing; without `lapse` there were none. */
export interface NoSession {
  readonly role: null;
  readonly lapse?: Lapse;
}

export interface SessionParts {
  readonly clock: Clock;
  readonly cookie: Cookie;
  /** Nobody else may know it: who does can make sessions, and try what a token may be. */
  readonly key: string;
  /** The digest of the token of each role: a session is over when its token is another. */
  readonly digests: ReadonlyMap<Role, string>;
}

/** How long a session lasts after it was opened or renewed. */
const sessionMs = 12 * 3_600_000;
/** How long it can be renewed. */
const renewedMsMax = 30 * 24 * 3_600_000;
/** By how much a clock is set back now and then. */
const stepMsMax = 60_000;

/**
 * Sessions that are kept in cookies alone. Each says when it was opened and until when it is one,
 * sealed with a key of this server: so it outlives a restart, and neither another token nor another
 * port.
 */
export class Sessions {
  readonly #parts: SessionParts;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  open(role: Role): OpenedSession {
    return this.#opened(role, this.#parts.clock.now());
  }

  /** The session of a request goes on; undefined where there is none. */
  renew(headers: Headers): OpenedSession | undefined {
    const session = this.#find(headers);
    return session.role === null ? undefined : this.#opened(session.role, session.openedMs);
  }

  of(headers: Headers): Session | NoSession {
    const session = this.#find(headers);
    if (session.role === null) return session;
    const { role, untilMs } = session;
    return { role, untilMs };
  }

  /** Of several cookies any may be the one: other servers of this host can set some of its name. */
  #find(headers: Headers): (Session & { readonly openedMs: number }) | NoSession {
    const start = `${this.#parts.cookie.name}=`;
    let lapse: Lapse | undefined;
    for (const pair of (headers.get('cookie') ?? '').split(/; */)) {
      if (!pair.startsWith(start)) continue;
      const found = this.#read(pair.slice(start.length));
      if (typeof found === 'object') return found;
      if (lapse !== 'expired') lapse = found;
    }
    return { role: null, ...(lapse !== undefined && { lapse }) };
  }

  #read(value: string): (Session & { readonly openedMs: number }) | Lapse {
    const [opened = '', until = '', seal = ''] = value.split('.');
    const given = Buffer.from(seal);
    let role: Role | undefined;
    for (const one of this.#parts.digests.keys()) {
      const due = Buffer.from(this.#seal(one, opened, until));
      if (due.length === given.length && timingSafeEqual(due, given)) role ??= one;
    }
    if (role === undefined) return 'foreign';
    const [openedMs, untilMs] = [Number(opened), Number(until)];
    const nowMs = this.#parts.clock.now();
    // A clock that was set back makes no session longer.
    const isNow = nowMs < untilMs && untilMs <= nowMs + sessionMs + stepMsMax;
    return isNow ? { role, openedMs, untilMs } : 'expired';
  }

  #opened(role: Role, openedMs: number): OpenedSession {
    const { clock, cookie } = this.#parts;
    const nowMs = clock.now();
    const untilMs = Math.min(nowMs + sessionMs, openedMs + renewedMsMax);
    const [opened, until] = [String(openedMs), String(untilMs)];
    const seconds = Math.floor((untilMs - nowMs) / 1000);
    const attributes = `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict`;
    const value = `${opened}.${until}.${this.#seal(role, opened, until)}`;
    const secure = cookie.isSecure ? '; Secure' : '';
    return { cookie: `${cookie.name}=${value}; ${attributes}${secure}`, untilMs };
  }

  /** The name of the cookie tells ports apart: a session of one server is none of another. */
  #seal(role: Role, opened: string, until: string): string {
    const { key, digests, cookie } = this.#parts;
    const sealed = [role, digests.get(role), cookie.name, opened, until];
    return createHmac('sha256', key).update(sealed.join(' ')).digest('base64url');
  }
}
