/** Why the server did not do what it was asked. */
export class Refused extends Error {
  override readonly name = 'Refused';
  /** That of HTTP; 0 where nobody answered. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Asks a route of the API for a document. Throws `Refused`, or what `leaving` aborts with. */
export function ask<T>(path: string, leaving?: AbortSignal): Promise<T> {
  return call<T>(path, {}, leaving);
}

/** Has something done. Throws `Refused`. */
export function command<T>(path: string, body?: object): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'POST', headers };
  return call<T>(path, body === undefined ? init : { ...init, body: JSON.stringify(body) });
}

let unknown: () => void = () => {};

/** `listener`: is told where the server does not know any more who asks. */
export function onUnknown(listener: () => void): void {
  unknown = listener;
}

async function call<T>(path: string, init: RequestInit, leaving?: AbortSignal): Promise<T> {
  const late = AbortSignal.timeout(answerMsMax);
  const signal = leaving === undefined ? late : AbortSignal.any([leaving, late]);
  try {
    const answer = await fetch(`api/v1/${path}`, { ...init, signal });
    const told = (await answer.json()) as T & { error?: { code: string; message: string } };
    if (answer.ok) return told;
    if (answer.status === 401 && path !== 'session') unknown();
    const { code = 'status', message = answer.statusText } = told.error ?? {};
    throw new Refused(answer.status, code, message);
  } catch (cause) {
    if (leaving?.aborted || cause instanceof Refused) throw cause;
    // Nobody was there, or not to the end of the answer.
    throw new Refused(0, 'away', 'the pipeline does not answer');
  }
}

const answerMsMax = 20_000;
