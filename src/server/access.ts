import { createHash, timingSafeEqual } from 'node:crypto';

import { type Clock, randomSecret } from '../core/index.ts';
import type { Role } from './routes.ts';

/** SHA-256 of the secrets, in hex: the secrets themselves do not come to the server's thread. */
export interface Digests {
  readonly admin: string;
  readonly read?: string | undefined;
  /** Of the one-time code in the launch URL, which opens a session as admin. */
  readonly launch?: string | undefined;
}

/** Who a request is from; `limited` where it guesses, and its address has too often. */
export type Identity = { readonly role: Role; readonly by: string } | 'nobody' | 'limited';

/** How a session is kept in a browser. */
export interface Cookie {
  readonly name: string;
  readonly isSecure: boolean;
}

const failuresMax = 10;
const failuresWithinMs = 60_000;
const addressesMax = 1000;
const sessionsMax = 64;
const sessionMs = 12 * 3_600_000;

export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Tells who a request is from, by a token or by the cookie that one was swapped for. */
export class Access {
  readonly #clock: Clock;
  readonly #secrets: { readonly role: Role; readonly digest: Buffer }[];
  #launch: Buffer | undefined;
  readonly #cookie: Cookie;
  readonly #sessions = new Map<string, { readonly role: Role; readonly untilMs: number }>();
  /** When each address failed, the last address to fail last. */
  readonly #failures = new Map<string, number[]>();

  constructor(clock: Clock, digests: Digests, cookie: Cookie) {
    this.#clock = clock;
    this.#cookie = cookie;
    this.#secrets = [{ role: 'admin', digest: Buffer.from(digests.admin, 'hex') }];
    if (digests.read !== undefined) {
      this.#secrets.push({ role: 'read', digest: Buffer.from(digests.read, 'hex') });
    }
    if (digests.launch !== undefined) this.#launch = Buffer.from(digests.launch, 'hex');
  }

  identify(headers: Headers, address: string): Identity {
    const given = headers.get('authorization');
    if (given !== null) {
      const token = /^Bearer +(\S+)$/i.exec(given)?.[1] ?? '';
      return this.#guarded(address, () => this.#roleOf(token), 'token');
    }
    // Nobody guesses a session, and one of an earlier start is no guess: neither is counted.
    const role = this.#sessionOf(headers.get('cookie') ?? '');
    return role === undefined ? 'nobody' : { role, by: 'cookie' };
  }

  /** Opens a session for a token, or once for the launch code: gives what is to be set as the cookie. */
  openSession(secret: string, address: string): { cookie: string } | 'nobody' | 'limited' {
    const identity = this.#guarded(
      address,
      () => this.#launched(secret) ?? this.#roleOf(secret),
      '',
    );
    if (identity === 'nobody' || identity === 'limited') return identity;
    const session = randomSecret();
    const untilMs = this.#clock.monotonic() + sessionMs;
    this.#sessions.set(digestOf(session), { role: identity.role, untilMs });
    dropFirst(this.#sessions, sessionsMax);
    const { name, isSecure } = this.#cookie;
    const attributes = `Path=/; Max-Age=${sessionMs / 1000}; HttpOnly; SameSite=Strict`;
    return { cookie: `${name}=${session}; ${attributes}${isSecure ? '; Secure' : ''}` };
  }

  #guarded(address: string, find: () => Role | undefined, by: string): Identity {
    // Whoever has the secret is not kept out by others at the same address who guess.
    const role = find();
    if (role !== undefined) return { role, by };
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
    const digest = Buffer.from(digestOf(secret), 'hex');
    let role: Role | undefined;
    for (const one of this.#secrets) {
      if (timingSafeEqual(one.digest, digest)) role ??= one.role;
    }
    return role;
  }

  #launched(secret: string): Role | undefined {
    const digest = Buffer.from(digestOf(secret), 'hex');
    if (this.#launch === undefined || !timingSafeEqual(this.#launch, digest)) return undefined;
    this.#launch = undefined;
    return 'admin';
  }

  #sessionOf(cookies: string): Role | undefined {
    const start = `${this.#cookie.name}=`;
    const pair = cookies.split(/; */).find((one) => one.startsWith(start));
    if (pair === undefined) return undefined;
    const session = this.#sessions.get(digestOf(pair.slice(start.length)));
    return session !== undefined && this.#clock.monotonic() < session.untilMs
      ? session.role
      : undefined;
  }
}

/** Keeps a map to a number of entries: the first to come go first. */
function dropFirst(map: Map<string, unknown>, entriesMax: number): void {
  for (const key of map.keys()) {
    if (map.size <= entriesMax) return;
    map.delete(key);
  }
}
