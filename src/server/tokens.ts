import { join } from 'node:path';

import { randomSecret } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import { keptOwn, openOwn, unusable } from './own-file.ts';

/** The secrets that a request shows who it is from by. */
export interface Tokens {
  readonly admin: string;
  /** May look, and change nothing. */
  readonly read?: string | undefined;
}

/** What a token is like: visible ASCII, too much of it to be guessed. */
export const tokenPattern: RegExp = /^[\x21-\x7e]{16,}$/;

/** What is not safe about tokens, and what to do where they were given: none where they are. */
function weaknessOf({ admin, read }: Tokens): { fact: string; remedy: string } | undefined {
  if (!tokenPattern.test(admin) || !tokenPattern.test(read ?? admin)) {
    return {
      fact: 'a token has at least 16 characters, and no blanks',
      remedy: 'use 32 random bytes or more, as `openssl rand -hex 32` gives',
    };
  }
  if (admin !== read) return undefined;
  return {
    fact: 'that of who may only look is that of an admin',
    remedy: 'give two that differ, or no `MILLRACE_READ_TOKEN`',
  };
}

/** Throws `ERR_CONFIG_INVALID` where a token may be guessed, or one would be that of both roles. */
export function checkTokens(tokens: Tokens): Tokens {
  const weakness = weaknessOf(tokens);
  if (weakness === undefined) return tokens;
  throw new PipelineError({ code: 'ERR_CONFIG_INVALID', place: 'token', ...weakness });
}

const fileName = 'server-tokens.json';

/**
 * The tokens in `server-tokens.json` of a state directory, which are made the first time and kept for
 * their owner alone (mode 0600). Throws `ERR_CONFIG_INVALID` where others own or read the file.
 */
export function keptTokens(directory: string): Promise<Tokens> {
  const made = (): Tokens => ({ admin: randomSecret(), read: randomSecret() });
  return keptOwn(directory, fileName, made, parsed);
}

/** The tokens that are there already; undefined where none are. Throws as `keptTokens` does. */
export async function readTokens(directory: string): Promise<Tokens | undefined> {
  const path = join(directory, fileName);
  await using file = await openOwn(path, 'read');
  return file === undefined ? undefined : parsed(path, await file.readFile('utf8'));
}

function parsed(path: string, text: string): Tokens {
  let tokens: Partial<Tokens> | null = null;
  try {
    tokens = JSON.parse(text) as Partial<Tokens> | null;
  } catch {
    // Said below.
  }
  const { admin, read } = tokens ?? {};
  if (typeof admin !== 'string' || !['string', 'undefined'].includes(typeof read)) {
    throw unusable(path, 'holds no tokens');
  }
  const weakness = weaknessOf({ admin, read });
  if (weakness !== undefined) throw unusable(path, weakness.fact);
  return { admin, read };
}
