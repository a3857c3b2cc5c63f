import { type Check, isFunction, isText } from '../observe/checked-options.ts';
import type { ObservationParts } from './parts.ts';

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
