import { type Clock, isLogLevel, logLevels } from '../../core/index.ts';
import { type Check, checkOptions, isFunction, isText, refusedOption } from '../checked-options.ts';
import type { LogStream } from './log-stream.ts';

const shared = {
  minLevel: [isLogLevel, `one of ${Object.keys(logLevels).join(', ')}`],
  component: [isText, 'a text'],
  context: [isObject, 'an object of fields'],
  clock: [isClock, 'a `Clock`'],
  scrub: [isFunction, 'a function of a text'],
  format: [(value) => value === 'json' || value === 'text', '`json` or `text`'],
  keptEvents: [(value) => isObject(value) && Symbol.iterator in value, 'a list of events'],
  collapseMs: [(value) => typeof value === 'number' && value >= 0, 'a number, 0 or more'],
  onError: [isFunction, 'a function of an error'],
} satisfies Record<string, Check>;

const write: Check = [isFunction, 'a function, or a `stream` in its place'];
const stream: Check = [isStream, 'a writable stream: it has `write` and `on`'];
const maxBuffer: Check = [isCount, 'a whole number, 1 or more'];

/** Throws `ERR_CONFIG_INVALID` for what a logger over a function cannot be made of. */
export function checkCallOptions(options: object): void {
  requireOption('write', options, write);
  checkOptions('log', options, { ...shared, write });
}

/** Throws `ERR_CONFIG_INVALID` for what a logger over a stream cannot be made of. */
export function checkStreamOptions(options: object): void {
  requireOption('stream', options, stream);
  checkOptions('log', options, { ...shared, stream, maxBuffer });
}

function requireOption(name: string, options: object, [, allowed]: Check): void {
  const given = (options as Readonly<Record<string, unknown>>)[name];
  if (given === undefined) throw refusedOption(`log.${name}`, given, allowed);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isClock(value: unknown): boolean {
  const { now, monotonic, timer } = Object(value) as Partial<Clock>;
  return [now, monotonic, timer].every(isFunction);
}

function isStream(value: unknown): boolean {
  const { write: take, on } = Object(value) as Partial<LogStream>;
  return isFunction(take) && isFunction(on);
}

function isCount(value: unknown): boolean {
  return (Number.isInteger(value) || value === Infinity) && (value as number) >= 1;
}
