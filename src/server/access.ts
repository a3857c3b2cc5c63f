import { createHash, timingSafeEqual } from 'node:crypto';

import type { Clock } from '../core/index.ts';
import type { Role } from './routes.ts';
import { type Cookie, type NoSession, type OpenedSession, Sessions } from './sessions.ts';

/**
 * What requests are compared with: SHA-256 in hex. A token that is a phrase can be found from it by
 * trying, so it is as secret as the token, and is told to nobody.
 */
export interface Digests {
  readonly admin: string;
  readonly read?: string | undefined;
  /** Of the one-time code in the launch URL, which opens a session as admin. */
  readonly launch?: string | undefined;
}

/** Who a request is from. */
export interface Known {
  readonly role: Role;
  /** How that is known. */
  readonly by: string;
  /** The wall time until which it is so; as long as anybody asks where it is undefined. */
  readonly untilMs?: number;
}

/** Who a request is from, or nobody; `limited` where it guesses, and its address has too often. */
export type Identity = Known | NoSession | 'limited';

/** A session, or why there is none. */
export type Opened = OpenedSession | 'nobody' | 'limited';

export interface AccessParts {
  readonly clock: Clock;
  readonly digests: Digests;
  /** How sessions are kept; none where cookies are somebody else's affair. */
  readonly sessions?: { readonly key: string; readonly cookie: Cookie };
}

const failuresMax = 10;
const failuresWithinMs = 60_000;
const addressesMax = 1000;

export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Tells who a request is from, by a token or by the cookie that one was swapped for. */
export class Access {
  readonly #clock: Clock;
  readonly #digests: ReadonlyMap<Role, string>;
  #launch: string | undefined;
  readonly #sessions: Sessions | undefined;
  /** When each address failed, the last address to fail last. */
  readonly #failures = new Map<string, number[]>();

  constructor({ clock, digests, sessions }: AccessParts) {
    const { admin, read, launch } = digests;
    this.#clock = clock;
    this.#digests = new Map<Role, string>([
      ['admin', admin],
      ...(read === undefined ? [] : [['read', read] as const]),
    ]);
    this.#launch = launch;
    this.#sessions = sessions && new Sessions({ clock, digests: this.#digests, ...sessions });
  }

  identify(headers: Headers, address: string): Identity {
    const given = headers.get('authorization');
    if (given !== null) {
      const token = /^Bearer +(\S+)$/i.exec(given)?.[1] ?? '';
      const role = this.#guarded(address, () => this.#roleOf(token));
      if (role === 'limited') return role;
      return role === 'nobody' ? { role: null } : { role, by: 'token' };
    }
    // Nobody guesses a session, and one of an earlier start is no guess: neither is counted.
    const session = this.#sessions?.of(headers) ?? { role: null };
    return session.role === null ? session : { ...session, by: 'cookie' };
  }

  /** Opens a session for a token, or once for the launch code. */
  openSession(secret: string, address: string): Opened {
    const role = this.#guarded(address, () => this.#launched(secret) ?? this.#roleOf(secret));
    if (role === 'limited') return role;
    if (role === 'nobody') return role;
    return this.#sessions?.open(role) ?? 'nobody';
  }

  /** Has the session of a request go on. */
  renewSession(headers: Headers): Opened {
    return this.#sessions?.renew(headers) ?? 'nobody';
  }

  #guarded(address: string, find: () => Role | undefined): Role | 'nobody' | 'limited' {
    // Whoever has the secret is not kept out by others at the same address who guess.
    const role = find();
    if (role !== undefined) return role;
    const nowMs = this.#clock.monotonic();
    const failures = (this.#failures.get(address) ?? []).filter(
      (atMs) => nowMs - atMs < failuresWithinMs,
    );
    if (failures.length >= failuresMax) return 'limited';
    this.#failures.delete(address);
    this.#failures.set(address, [...failures, nowMs]);
    dropFirst(this.#failures, addressesMax);
    return 'nobody';
  }

  /** Compares with every secret, and in the same time whether or not it is one. */
  #roleOf(secret: string): Role | undefined {
    let found: Role | undefined;
    for (const [role, digest] of this.#digests) {
      if (isOf(digest, secret)) found ??= role;
    }
    return found;
  }

  #launched(secret: string): Role | undefined {
    if (this.#launch === undefined || !isOf(this.#launch, secret)) return undefined;
    this.#launch = undefined;
    return 'admin';
  }
}

function isOf(digest: string, secret: string): boolean {
  return timingSafeEqual(Buffer.from(digest, 'hex'), Buffer.from(digestOf(secret), 'hex'));
}

/** Keeps a map to a number of entries: the first to come go first. */
function dropFirst(map: Map<string, unknown>, entriesMax: number): void {
  for (const key of map.keys()) {
    if (map.size <= entriesMax) return;
    map.delete(key);
  }
}
