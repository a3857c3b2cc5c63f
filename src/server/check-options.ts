import { PipelineError } from '../errors.ts';
import { requireKnownNames } from '../observe/known-names.ts';
import type { ObservationParts } from './parts.ts';

/** Whether an option may be that, and what it may be in words. */
export type Check = readonly [holds: (value: unknown) => boolean, allowed: string];
/** Of every option that there is. */
export type Checks<Options> = Readonly<Record<keyof Options, Check>>;

export const isText = (value: unknown): value is string => typeof value === 'string';
export const isFunction = (value: unknown): boolean => typeof value === 'function';
export const isWhole = (value: unknown, max: number): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
export const isListOf =
  (holds: (text: string) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every((one) => isText(one) && holds(one));

/** That of `null` is every page that hides its own, and `*` is everybody: neither is one. */
function isOrigin(text: string): boolean {
  return /^https?:[^*]+$/.test(text) && URL.parse(text)?.origin === text;
}

function isLog(value: unknown): boolean {
  const { follow, setLevel } = Object(value) as Partial<NonNullable<ObservationParts['log']>>;
  return isFunction(follow) && isFunction(setLevel);
}

export const flag: Check = [(value) => typeof value === 'boolean', 'true or false'];
const token: Check = [isText, 'a text of 16 characters or more'];
const document: Check = [isFunction, 'a function that gives it'];

type SharedName = keyof ObservationParts | 'token' | 'readToken' | 'origins' | 'publicMetrics';

/** Those of a server of ours and of routes in another. */
export const sharedChecks: Readonly<Record<SharedName, Check>> = {
  registries: [Array.isArray, 'a list of `MetricsRegistry`'],
  manifest: document,
  flightRecorder: document,
  log: [isLog, 'a `StructuredLogger`'],
  token,
  readToken: token,
  origins: [isListOf(isOrigin), 'a list of origins, as `https://board.example`'],
  publicMetrics: flag,
};

/** Throws `ERR_CONFIG_INVALID` where an option is not what it may be, or there is none of its name. */
export function checkOptions<Options extends object>(
  place: string,
  options: Options,
  checks: Checks<Options>,
): void {
  requireKnownNames(place, options, Object.keys(checks));
  for (const [name, [holds, allowed]] of Object.entries<Check>(checks)) {
    const value = options[name as keyof Options];
    if (value === undefined || holds(value)) continue;
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: `${place}.${name}`,
      fact: `cannot be ${shown(value)}`,
      remedy: `give ${allowed}`,
    });
  }
}

/** No token is shown: those that are texts are not refused here. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (isText(value)) return JSON.stringify(value);
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
