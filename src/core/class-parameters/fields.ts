import { gap, isMemberPlace } from './syntax.ts';

const fieldRest = new RegExp(`^${gap}[=;}]|^[^\\S\\n\\r]*[\\n\\r]${gap}[^\\s(]`, 'u');

/**
 * Whether the instances of a class begin with a field of that name, as its source or that of a parent
 * writes it. What compilers make of fields for older targets is not seen.
 */
export function hasField(component: object, name: string): boolean {
  let one: unknown = component;
  while (typeof one === 'function' && one !== Function.prototype) {
    if (isFieldOf(Function.prototype.toString.call(one), name)) return true;
    one = Object.getPrototypeOf(one);
  }
  return false;
}

function isFieldOf(source: string, name: string): boolean {
  if (name === '' || !/^class\b/.test(source)) return false;
  for (const written of [name, `'${name}'`, `"${name}"`]) {
    for (let at = source.indexOf(written); at >= 0; at = source.indexOf(written, at + 1)) {
      const rest = source.slice(at + written.length);
      if (fieldRest.test(rest) && isMemberPlace(source.slice(0, at))) return true;
    }
  }
  return false;
}
