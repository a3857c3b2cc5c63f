import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { parse } from 'yaml';

import { fileError } from '../../core/system-files.ts';
import { stateDirectory } from '../../core/state-directory.ts';
import { nameOf } from '../../engine/config.ts';
import { isLoopback } from '../../server/host-header.ts';
import { servedAddress, writtenAddress } from '../../server/served-address.ts';
import { readTokens, tokenPattern } from '../../server/tokens.ts';
import { parseAddress } from '../address.ts';
import { exitCodes, NoAnswerError, UsageError } from '../failure.ts';

/** A server to ask, and the token to show it, where there is one. */
export interface Target {
  /** `http://127.0.0.1:7420` */
  readonly url: string;
  readonly token: string | undefined;
  /** The name of the pipeline, where it is a run of this user here. */
  readonly name?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const usualUrl = 'http://127.0.0.1:7420';

/** What to do where nothing is served. */
export const serveIt = 'start it with `millrace run FILE --serve 7420`, or give a URL';

/**
 * The server that is meant: by a URL, `[host:]port`, a pipeline file or the name of a pipeline, or the
 * only one that this user has here. Throws a `UsageError` where none or several may be meant, a
 * `NoAnswerError` where the one that is named is not served.
 */
export async function findTarget(text: string | undefined, env: Environment): Promise<Target> {
  const token = givenToken(env);
  if (text === undefined) return (await onlyOne(env)) ?? { url: usualUrl, token };
  const url = urlOf(text);
  if (url === undefined) return findRun(await pipelineOf(text), env);
  // That of a run is for where it is served alone.
  const kept = (await servedRuns(env)).find((run) => run.url === url);
  return kept === undefined ? { url, token } : withToken(kept);
}

/** A run that this user serves here, by its name. Throws a `NoAnswerError` where it is not served. */
export async function findRun(name: string, env: Environment): Promise<ServedRun> {
  const run = await servedRun(name, env);
  if (run !== undefined) return withToken(run);
  // Whoever listens where it was, or at the usual address, is another.
  const directory = stateDirectory(env, name);
  const wasServed = (await readTokens(directory)) ?? (await writtenAddress(directory));
  const fact =
    wasServed !== undefined
      ? `the run of \`${name}\` is not served any more`
      : `no run of \`${name}\` is served on this machine by you`;
  throw new NoAnswerError(exitCodes.unreachable, fact, serveIt);
}

/** The token of the environment: to look is enough. */
function givenToken(env: Environment): string | undefined {
  const name = env['MILLRACE_READ_TOKEN'] === undefined ? 'MILLRACE_TOKEN' : 'MILLRACE_READ_TOKEN';
  const token = env[name];
  if (token === undefined || tokenPattern.test(token)) return token;
  throw new UsageError(`${name}: a token has at least 16 characters, and no blanks`);
}

async function onlyOne(env: Environment): Promise<ServedRun | undefined> {
  const runs = await servedRuns(env);
  if (runs.length > 1) {
    const which = runs.map(({ name, url }) => `${name} (${url})`).join(', ');
    throw new UsageError(`several runs are served here, name one: ${which}`);
  }
  return runs[0] && withToken(runs[0]);
}

/** A run that this user serves here, with the token that is known for it. */
type ServedRun = Required<Target>;

/** Throws a `NoAnswerError` where no token is known: the run would say no more than that it asks for one. */
function withToken(run: ServedRun): ServedRun {
  if (run.token !== undefined) return run;
  const fact = `the run of \`${run.name}\` has tokens that were given to it, and are kept nowhere`;
  const remedy = 'set `MILLRACE_READ_TOKEN` or `MILLRACE_TOKEN` here to what it was started with';
  throw new NoAnswerError(exitCodes.notAllowed, fact, remedy);
}

/** The runs that this user serves here now. */
async function servedRuns(env: Environment): Promise<ServedRun[]> {
  const names = await readdir(dirname(stateDirectory(env, 'any'))).catch(() => []);
  // A directory of another making, or one that is not to be trusted, is nobody's run.
  const runs = names.map((name) => servedRun(name, env).catch(() => undefined));
  return (await Promise.all(runs)).filter((run) => run !== undefined);
}

async function servedRun(name: string, env: Environment): Promise<ServedRun | undefined> {
  const directory = stateDirectory(env, name);
  const address = await servedAddress(directory);
  if (address === undefined) return undefined;
  const { url } = address;
  // Those that are kept may be of a run before it.
  if (address.tokens === 'given') return { name, url, token: givenToken(env) };
  const tokens = await readTokens(directory);
  return tokens && { name, url, token: tokens.read ?? tokens.admin };
}

/** Undefined where it is none. Throws where it is one that is not to be asked. */
function urlOf(text: string): string | undefined {
  const isUrl = /^[a-z]+:\/\//i.test(text);
  const address = parseAddress(text);
  if (!isUrl && address === undefined) return undefined;
  const full = isUrl ? text : text.includes(':') ? `http://${text}` : `http://127.0.0.1:${text}`;
  if (!URL.canParse(full))
    throw new UsageError('this is no URL: name one as http://127.0.0.1:7420');
  const { protocol, host, origin, pathname, username, password, hostname, port } = new URL(full);
  const wrong = (fact: string): UsageError => new UsageError(`${protocol}//${host}: ${fact}`);
  if (protocol !== 'http:' && protocol !== 'https:') throw wrong('a URL begins with http or https');
  if (username !== '' || password !== '') {
    throw wrong('a secret has no place in a URL; set `MILLRACE_READ_TOKEN`');
  }
  if (pathname !== '/') throw wrong('name no path');
  return hostname === 'localhost' ? `${protocol}//127.0.0.1${port && `:${port}`}` : origin;
}

/** Throws where a token, on its way there, could be read by everybody between. */
export function assertPrivate({ url, token }: Target, isInsecureAllowed: boolean): void {
  const { protocol, hostname } = new URL(url);
  const isSafe = protocol === 'https:' || isLoopback(hostname.replace(/^\[|\]$/g, ''));
  if (token === undefined || isSafe || isInsecureAllowed) return;
  throw new UsageError(
    `${url}: everybody between reads the token; use https, or allow it (\`--insecure-http\`)`,
  );
}

/** The name of the pipeline that a file describes, or that is given itself. */
async function pipelineOf(text: string): Promise<string> {
  if (!/[/\\]|\.(ya?ml|json)$/i.test(text)) return text;
  let config: unknown;
  try {
    config = parse(await readFile(text, 'utf8'));
  } catch (error) {
    throw fileError(text, error);
  }
  const { name } = (config ?? {}) as { readonly name?: unknown };
  const found = nameOf(name, text);
  if (found === undefined) throw new UsageError(`${text}: its name can be that of no pipeline`);
  return found;
}
