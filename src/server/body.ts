import { Refusal } from './refusal.ts';

const bytesMax = 1_048_576;

/** The JSON body of a request: an object; an empty one where there is no body. */
export async function readBody(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/json *(;|$)/i.test(type)) {
    throw new Refusal(415, 'type', 'the body is to be application/json');
  }
  const text = await readText(request);
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(400, 'body', 'the body is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal(400, 'body', 'the body is no JSON object');
  }
  return value as Readonly<Record<string, unknown>>;
}

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge();
  if (request.body === null) return '';
  // Throws where somebody before us has read it: that is no fault of the client's.
  const reader = request.body.getReader();
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  for (;;) {
    const { done, value } = await reader.read().catch(cutShort);
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > bytesMax) {
      reader.cancel().catch(() => {});
      throw tooLarge();
    }
    text += decoder.decode(value, { stream: true });
  }
}

function cutShort(): never {
  throw new Refusal(400, 'body', 'the body ends before its end');
}

function tooLarge(): Refusal {
  return new Refusal(413, 'size', 'the body is larger than 1 MiB', { connection: 'close' });
}

/** Refuses a body that has a field of another name. */
export function onlyFields(
  body: Readonly<Record<string, unknown>>,
  names: readonly string[],
): void {
  if (Object.keys(body).every((name) => names.includes(name))) return;
  throw new Refusal(400, 'body', `the body may have: ${names.join(', ') || 'nothing'}`);
}
