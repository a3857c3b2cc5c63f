import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';

import { randomSecret, systemFiles } from '../core/index.ts';
import { PipelineError } from '../errors.ts';

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

/**
 * The tokens in `server-tokens.json` of a state directory, which are made the first time and kept for
 * their owner alone (mode 0600). Throws `ERR_CONFIG_INVALID` where others own or read the file.
 */
export async function keptTokens(directory: string): Promise<Tokens> {
  await systemFiles().makeDirectory(directory, 'private');
  const path = join(directory, 'server-tokens.json');
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  let file: FileHandle;
  try {
    file = await open(path, flags, 0o600);
  } catch (cause) {
    throw unusable(path, 'cannot be opened, or is a link', cause);
  }
  try {
    const { mode, uid, size } = await file.stat();
    const isForeign = process.getuid !== undefined && uid !== process.getuid();
    if (isForeign) throw unusable(path, 'belongs to another user');
    if (process.getuid !== undefined && (mode & 0o077) !== 0) {
      throw unusable(path, 'is open to other users');
    }
    if (size > 0) return parsed(path, await file.readFile('utf8'));
    const tokens = { admin: randomSecret(), read: randomSecret() };
    await file.writeFile(`${JSON.stringify(tokens, null, 2)}\n`);
    await file.sync();
    return tokens;
  } finally {
    await file.close();
  }
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

function unusable(path: string, fact: string, cause?: unknown): PipelineError {
  const remedy = 'remove it: new tokens are made';
  return new PipelineError({ code: 'ERR_CONFIG_INVALID', place: path, fact, remedy, cause });
}
