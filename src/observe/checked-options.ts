import { PipelineError } from '../errors.ts';
import { requireKnownNames } from './known-names.ts';

/** Whether an option may be that, and what it may be in words. */
export type Check = readonly [holds: (value: unknown) => boolean, allowed: string];
/** Of every option that there is. */
export type Checks<Options> = Readonly<Record<keyof Options, Check>>;

export const isText = (value: unknown): value is string => typeof value === 'string';
export const isFunction = (value: unknown): boolean => typeof value === 'function';

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
    throw refusedOption(`${place}.${name}`, value, allowed);
  }
}

/** That an option cannot be what it is. `allowed`: what it may be, in words. */
export function refusedOption(place: string, value: unknown, allowed: string): PipelineError {
  const fact = `cannot be ${shown(value)}`;
  return new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place,
    fact,
    remedy: `give ${allowed}`,
  });
}

/** No token is shown: those that are texts are not refused here. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (isText(value)) return JSON.stringify(value);
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
