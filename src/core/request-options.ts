import type * as zod from 'zod';

/** What no request could be made with would else fail at every one. */
export function checkHeaders(
  headers: Readonly<Record<string, string>>,
  context: zod.RefinementCtx,
): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers({ [name]: value });
    } catch {
      // Without the value, which may be a secret.
      context.addIssue({ code: 'custom', path: [name], message: 'is no header of a request' });
    }
  }
}

/** Whether an address has a user or a password, with which no request can be made. */
export function hasUser(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && (parsed.username !== '' || parsed.password !== '');
}
