/** What stands for a value that may not be shown. */
const masked = '[secret]';

const secretName =
  /secret|passw(or)?d|passphrase|token|credential|authorization|(api|private)[-_]?key/i;

/** `user:password@` in a URL. */
const urlCredentials = /^([a-z][a-z\d+.-]*:\/\/)[^/?#@\s]*@/i;

/** A value as it may be shown under a name: what the name or the value says is secret is masked. */
export function withoutSecrets(name: string, value: unknown): unknown {
  const isTold = value !== null && value !== '' && typeof value !== 'boolean';
  if (secretName.test(name) && isTold) return masked;
  if (typeof value === 'string') return value.replace(urlCredentials, `$1${masked}@`);
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(name, item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutSecrets(key, inner)]));
}
