import { gap, name, valueOf } from './syntax.ts';

/** What values are written with. An expression that has nothing else calls nothing. */
const literals = new RegExp(
  [
    /'(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*"|`(?:[^`\\$]|\\[^]|\$(?!\{))*`/.source,
    /0[xXoObB][\da-fA-F_]+n?|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d[\d_]*)?n?/.source,
    `(?:true|false|null|NaN|Infinity)(?![\\w$])|${name}(?=${gap}:)`,
    `[[\\]{}:,!+-]|${gap}`,
  ].join('|'),
  'gu',
);
const depthMax = 64;

/**
 * What a default is, and its value where JSON has such values. Of one that is known only when the
 * code runs the kind is `unknown`, too.
 */
export function defaultOf(text: string): { readonly kind: string; readonly value?: unknown } {
  const isWritten = text.replace(literals, '') === '' && !text.includes('__proto__');
  const value = isWritten ? valueOf(text) : undefined;
  if (value === undefined || value === null) return { kind: 'unknown', value };
  const kind = Array.isArray(value) ? 'array' : typeof value;
  return isData(value) ? { kind, value } : { kind };
}

function isData(value: unknown, depth = 0): boolean {
  if (typeof value === 'object' && value !== null) {
    // A list of some length may hold nothing in places.
    const held = Array.isArray(value) ? Array.from(value as unknown[]) : Object.values(value);
    return depth < depthMax && held.every((item) => isData(item, depth + 1));
  }
  return value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
}
