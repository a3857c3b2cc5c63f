import { PipelineError } from '../errors.ts';

/** Throws `ERR_CONFIG_INVALID` where something has another name, or is no object. `what`: of a name. */
export function requireKnownNames(
  place: string,
  given: object,
  names: readonly string[],
  what = 'option',
): void {
  const isObject = typeof given === 'object' && given !== null;
  const unknown = isObject ? Object.keys(given).find((name) => !names.includes(name)) : '';
  if (unknown === undefined) return;
  throw new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place,
    fact: isObject
      ? `has no ${what} \`${unknown}\``
      : `takes no ${given === null ? 'null' : typeof given}`,
    remedy: `its ${what}s: ${names.join(', ')}`,
  });
}
