/** What stands for a value that may not be shown. */
export const masked = '[secret]';

const secretName =
  /secret|pass(w|phrase)|pwd|token|credential|authorization|(api|private)[-_]*key/i;
const secretParameter = /secret|pass|pwd|token|credential|key|auth|sig/i;

/** `user:password@` of an address, with whatever `@` the password has. */
const userInfo = /(\/\/)[^/\s]*@/g;
const parameter = /([?&])([^?&=#\s]{1,100})=([^&#\s]+)/g;

/** Whether the name says that the value is secret. What is absent, or only yes or no, tells nothing. */
export function isSecret(name: string, value: unknown): boolean {
  const isTold = value === null || value === undefined || value === '';
  return !isTold && typeof value !== 'boolean' && secretName.test(name);
}

const depthMax = 8;
const itemsMax = 50;
const textMax = 1000;

/**
 * An option as it may be shown under its name: what the name or an address in it says is secret is
 * `[secret]`, and what is long, deep or no data is told by what it is. `scrub` is given each text
 * before.
 */
export function withoutSecrets(
  name: string,
  value: unknown,
  scrub: (text: string) => string = (text) => text,
): unknown {
  return shown(value, name, scrub, 0);
}

function shown(
  value: unknown,
  name: string,
  scrub: (text: string) => string,
  depth: number,
): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean' || value === '') return value;
  if (isSecret(name, value)) return masked;
  if (typeof value === 'string') return textShown(scrub(value), name);
  if (typeof value === 'number') return value;
  if (typeof value !== 'object') return `[${typeof value}]`;
  if (depth >= depthMax) return '[…]';
  if (Array.isArray(value)) {
    if (value.length > itemsMax) return `[${value.length} items]`;
    return value.map((item) => shown(item, '', scrub, depth + 1));
  }
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype !== Object.prototype && prototype !== null) {
    return `[${prototype.constructor.name}]`;
  }
  const entries = Object.entries(value).map(([key, item]) => [
    scrub(key),
    shown(item, name === 'webhook' && key === 'url' ? name : key, scrub, depth + 1),
  ]);
  return Object.fromEntries(entries);
}

function textShown(text: string, name: string): string {
  // Who knows such an address may post to it.
  if (name === 'webhook') return originOf(text);
  const shortened = text.length > textMax ? `${text.slice(0, textMax)}…` : text;
  return withoutCredentials(shortened);
}

/** A text whose addresses tell no user, no password, and no parameter that is called like one. */
export function withoutCredentials(text: string): string {
  // Most texts have no address: to look for one costs more than this.
  if (!text.includes('//') && !text.includes('=')) return text;
  return text
    .replace(userInfo, `$1${masked}@`)
    .replace(parameter, (all, mark: string, name: string) =>
      secretParameter.test(name) ? `${mark}${name}=${masked}` : all,
    );
}

function originOf(url: string): string {
  return URL.canParse(url) ? `${new URL(url).origin}/${masked}` : masked;
}
