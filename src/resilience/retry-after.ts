/**
 * Milliseconds that an error asks its caller to wait: its `retryAfterMs`, or the `Retry-After` of its
 * `headers` or its `response.headers`, as seconds or as a date (RFC 9110, 10.2.3). Undefined where it
 * says nothing of the kind, or cannot be read.
 */
export function retryAfterOf(error: unknown, nowMs: number): number | undefined {
  if (!isObject(error)) return undefined;
  try {
    return readRetryAfter(error, nowMs);
  } catch {
    // A getter of its own threw: the error that is known is not to be lost for that.
    return undefined;
  }
}

function readRetryAfter(
  error: Readonly<Record<string, unknown>>,
  nowMs: number,
): number | undefined {
  const ownMs = error['retryAfterMs'];
  if (typeof ownMs === 'number' && ownMs >= 0) return ownMs;
  const response = error['response'];
  const text =
    headerOf(error['headers']) ?? (isObject(response) ? headerOf(response['headers']) : undefined);
  return text === undefined ? undefined : delayOf(text, nowMs);
}

/** `Retry-After` of a `Headers`, or of an object with a property for each header. */
function headerOf(headers: unknown): string | undefined {
  if (!isObject(headers)) return undefined;
  if (typeof headers['get'] === 'function') {
    return textOf((headers as { get(name: string): unknown }).get('retry-after'));
  }
  const name = Object.keys(headers).find((key) => key.toLowerCase() === 'retry-after');
  return name === undefined ? undefined : textOf(headers[name]);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : undefined;
}

// As HTTP writes dates now, and as it once did: always in GMT, which the oldest form leaves out.
const datePattern = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d\d:\d\d:\d\d( GMT| \d{4})$/;

function delayOf(text: string, nowMs: number): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!datePattern.test(text)) return undefined;
  const timeMs = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(timeMs) ? undefined : Math.max(0, timeMs - nowMs);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
