import type { ParameterDescription } from '../describe.ts';
import { withoutSecrets } from '../mask.ts';
import { defaultOf } from './default-value.ts';
import {
  areParameters,
  gap,
  name as nameText,
  partsOf,
  trimmed,
  UnreadableSource,
  valueOf,
  wholeAt,
} from './syntax.ts';

const oneName = new RegExp(`^${nameText}(?=${gap}$)`, 'u');
const oneKey = new RegExp(`^(${nameText}|\\d+|'[^']*'|"[^"]*")${gap}(:|=|$)`, 'u');
const notGiven = new RegExp(`^${gap}(?:undefined|void${gap}\\d+)${gap}$`, 'u');

/**
 * The parameters that stand between a constructor's parentheses; of an object that is taken apart
 * its properties, as `limits.min`. Throws `UnreadableSource`.
 */
export function parametersIn(list: string): ParameterDescription[] {
  return partsOf(list, areParameters)
    .map(trimmed)
    .flatMap((text) => (text.startsWith('...') ? rest(text, '', 'array') : bindingOf(text, true)));
}

/** What is bound, its default behind it. `property`: the name that it is given under, if another. */
function bindingOf(text: string, isRequired: boolean, property?: string): ParameterDescription[] {
  const equals = wholeAt(text, '=', areParameters);
  const target = equals < 0 ? text : text.slice(0, equals);
  const given = equals < 0 ? undefined : text.slice(equals + 1);
  const isOptional = given !== undefined || !isRequired;
  if (target.startsWith('{')) {
    return propertiesIn(target, property === undefined ? '' : `${property}.`, !isOptional);
  }
  const kind = target.startsWith('[') ? 'array' : 'unknown';
  const name = property ?? boundName(target);
  if (given === undefined || notGiven.test(given)) {
    return [{ name, kind, hasDefault: false, required: !isOptional }];
  }
  const { kind: inferred, value } = defaultOf(given);
  return [
    {
      name,
      kind: inferred === 'unknown' ? kind : inferred,
      ...(value !== undefined && { default: withoutSecrets(name, value) }),
      hasDefault: true,
      required: false,
    },
  ];
}

function propertiesIn(text: string, before: string, isRequired: boolean): ParameterDescription[] {
  const end = wholeAt(text, '}', (part) => areParameters(`${part}}`));
  return partsOf(text.slice(1, end), (part) => areParameters(`{${part}}`))
    .map(trimmed)
    .flatMap((part) => {
      if (part.startsWith('...')) return rest(part, before, 'object');
      const [head = '', key, sign] = oneKey.exec(part) ?? [];
      // A name that is computed is known only when the code runs.
      if (key === undefined) throw new UnreadableSource();
      const property = before + (/^['"]/.test(key) ? String(valueOf(key)) : key);
      const target = sign === ':' ? trimmed(part.slice(head.length)) : part;
      return bindingOf(target, isRequired, property);
    });
}

function rest(text: string, before: string, kind: string): ParameterDescription {
  const name = before + boundName(trimmed(text.slice('...'.length)));
  return { name, kind, hasDefault: false, required: false };
}

/** The name of what is bound; a list has none. */
function boundName(text: string): string {
  if (text.startsWith('[')) return '[…]';
  const name = oneName.exec(text)?.[0];
  if (name === undefined) throw new UnreadableSource();
  return name;
}
