/** What stands for a value that may not be shown. */
export const masked = '[secret]';

const secretWord =
  'secret|pass[-_]?(?:w|phrase)|pwd|token|credential|authorization|cookie|bearer|jwt|session[-_]?id|' +
  '(?:api|access|private|shared|signing|encryption|account|master|session)[-_]*key';
const secretName = new RegExp(`${secretWord}|^(?:pass|auth)$|[-_.](?:pass|auth)$`, 'i');
/** As `dbPass` and `basicAuth`; a filter has a `lowPass`. */
const secretEnd = /[a-z\d](?<!low|high|band|all)(?:Pass|Auth)$/;
const secretParameter = /secret|pass|pwd|token|credential|key|auth|sig/i;

/** `user:password@` of an address, with whatever `@` the password has. */
const userInfo = /(\/\/)[^/\s]*@/g;
const parameter = /([?&])([^?&=#\s]{1,100})=([^&#\s]+)/g;

/** In a text: `password=…`, the same as JSON has it, and headers. Behind a name no number is a secret. */
const assignment = new RegExp(
  `((?:${secretWord})[\\w.-]{0,64}=)("[^"]*"|'[^']*'|(?!\\[secret\\])[^\\s=&"',;)\\]}][^\\s&"',;)\\]}]*)`,
  'gi',
);
const member = new RegExp(
  `("[\\w.-]{0,64}(?:${secretWord})[\\w.-]{0,64}" ?: ?)"(?:[^"\\\\]|\\\\.)*"`,
  'gi',
);
const headerName = /uthorization|ookie/i;
const header = /\b(authorization|cookie): *(?!\[secret\])[^\r\n"']+/gi;
const bearerLengthMin = 23;
const bearer = /\b(bearer) +[\w.~+/=-]{16,}/gi;

/**
 * Whether the name says that the value is secret. What is absent, a number, or only yes or no, is
 * not: `tokens` may count them.
 */
export function isSecret(name: string, value: unknown): boolean {
  switch (typeof value) {
    case 'undefined':
    case 'boolean':
    case 'number':
    case 'bigint':
      return false;
    default:
      return value !== null && value !== '' && isSecretName(name);
  }
}

/** Whether a text of that name is secret. */
export function isSecretName(name: string): boolean {
  return secretName.test(name) || secretEnd.test(name);
}

/** Takes out of a text what may not be shown. */
export type Scrub = (text: string) => string;

/**
 * What every text goes through before it is shown or cut: `scrub`, which knows secrets by their
 * values, then what an address or a name in it makes a secret. A `scrub` that throws leaves nothing.
 */
export function redactorOf(scrub?: Scrub): Scrub {
  if (scrub === undefined) return withoutCredentials;
  return (text) => {
    try {
      return withoutCredentials(scrub(text));
    } catch {
      // Nobody can tell what of it may be seen.
      return '[unreadable]';
    }
  };
}

const depthMax = 8;
const itemsMax = 50;
const textMax = 1000;
/** Lists of these names are given to hold records, which nobody is to see: what each item is. */
const recordLists: ReadonlyMap<string, string> = new Map([
  ['rows', 'row'],
  ['records', 'record'],
]);

/**
 * An option as it may be shown under its name: what the name or an address in it says is secret is
 * `[secret]`, and records, and what is long, deep or no data, are told by what they are. `redact`, of
 * `redactorOf`, is given each text.
 */
export function withoutSecrets(
  name: string,
  value: unknown,
  redact: Scrub = withoutCredentials,
): unknown {
  return shown(value, name, redact, 0);
}

function shown(value: unknown, name: string, redact: Scrub, depth: number): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean' || value === '') return value;
  if (isSecret(name, value)) return masked;
  if (typeof value === 'string') return textShown(value, name, redact);
  if (typeof value === 'number') return value;
  if (typeof value !== 'object') return `[${typeof value}]`;
  if (depth >= depthMax) return '[…]';
  if (Array.isArray(value)) {
    const item = recordLists.get(name);
    if (item !== undefined) return `[${value.length} ${item}${value.length === 1 ? '' : 's'}]`;
    if (value.length > itemsMax) return `[${value.length} items]`;
    return value.map((item) => shown(item, '', redact, depth + 1));
  }
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype !== Object.prototype && prototype !== null) {
    return `[${prototype.constructor.name}]`;
  }
  const entries = Object.entries(value).map(([key, item]) => [
    redact(key),
    shown(item, name === 'webhook' && key === 'url' ? name : key, redact, depth + 1),
  ]);
  return Object.fromEntries(entries);
}

function textShown(given: string, name: string, redact: Scrub): string {
  // Before it is cut: else a part of a secret that is cut would stay.
  const text = redact(given);
  // Who knows such an address may post to it.
  if (name === 'webhook') return originOf(text);
  return text.length > textMax ? `${text.slice(0, textMax)}…` : text;
}

/** A text whose addresses tell no user and no password, and that tells nothing by the name of a secret. */
export function withoutCredentials(text: string): string {
  // Most texts have none of these: to look for more costs more than this.
  let shown = text;
  if (text.includes('//')) shown = shown.replace(userInfo, `$1${masked}@`);
  if (text.includes('=')) {
    shown = shown
      .replace(parameter, (all, mark: string, name: string) =>
        secretParameter.test(name) ? `${mark}${name}=${masked}` : all,
      )
      .replace(assignment, `$1${masked}`);
  }
  if (text.includes(':')) {
    if (headerName.test(text)) shown = shown.replace(header, `$1: ${masked}`);
    if (text.includes('":')) shown = shown.replace(member, `$1"${masked}"`);
  }
  const mayBear = text.length >= bearerLengthMin && text.includes('earer ');
  return mayBear ? shown.replace(bearer, `$1 ${masked}`) : shown;
}

function originOf(url: string): string {
  return URL.canParse(url) ? `${new URL(url).origin}/${masked}` : masked;
}
