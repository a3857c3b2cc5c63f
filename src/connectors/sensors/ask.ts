import type { Network, SourceReport } from '../../core/index.ts';
import { reasonOf } from '../../errors.ts';
import type { Attempt } from '../../resilience/index.ts';
import type { ParsedSensor } from './options.ts';
import { SensorError } from './sensor-error.ts';

/** A reading as strategies remember it. */
export interface Reading {
  readonly value: number;
}

const bodyBytesMax = 65_536;

interface Outside {
  readonly network: Network;
  readonly report: SourceReport;
}

/** Asks a sensor once. */
export function askOf(sensor: ParsedSensor, { network, report }: Outside): Attempt<Reading> {
  const { id, url, read, field = 'value' } = sensor;
  if (read !== undefined) return async (signal) => given(id, await read(signal as never));
  const headers = new Headers(sensor.headers);
  if (!headers.has('accept')) headers.set('accept', 'application/json');
  const init = { headers, redirect: 'manual' } as const;
  return async (signal) => {
    const response = await fetched(id, network.fetch(url!, { ...init, signal }), signal);
    const { ok, status } = response;
    if (!ok) {
      // What nobody reads would hold its connection.
      await response.body?.cancel().catch(() => {});
      const isRedirect = status >= 300 && status < 400;
      throw new SensorError(id, isRedirect ? 'redirect' : 'status', `answered ${status}`);
    }
    const body = await fetched(id, bodyOf(id, response, signal), signal);
    report.bytesRead(body.length);
    return found(id, parsed(id, body), field);
  };
}

/** What the network gives; where it fails, it says so. */
async function fetched<T>(id: string, call: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (signal.aborted || error instanceof SensorError) throw error;
    const { cause } = error as { cause?: unknown };
    const fact = `cannot be reached: ${reasonOf(cause ?? error)}`;
    throw new SensorError(id, 'unreachable', fact, error);
  }
}

async function bodyOf(id: string, response: Response, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    // To leave the loop cancels the rest; a network that does not hear the signal would drip on.
    signal.throwIfAborted();
    if (length > bodyBytesMax) {
      throw new SensorError(id, 'too-large', `answered with more than ${bodyBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

function parsed(id: string, body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new SensorError(id, 'no-json', 'answered with what is no JSON', error);
  }
}

/** What a function gave: an object may have its value by a getter of its class. */
function given(id: string, answer: unknown): Reading {
  const isObject = typeof answer === 'object' && answer !== null;
  return readingOf(id, isObject ? (answer as Reading).value : answer, 'value');
}

function found(id: string, answer: unknown, field: string): Reading {
  let value = answer;
  if (typeof answer === 'object') {
    for (const name of field.split('.')) {
      const isIn = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
      value = isIn ? (value as Record<string, unknown>)[name] : undefined;
    }
  }
  return readingOf(id, value, field);
}

function readingOf(id: string, value: unknown, field: string): Reading {
  if (typeof value === 'number' && Number.isFinite(value)) return { value };
  const what = typeof value === 'number' ? String(value) : value === null ? 'null' : typeof value;
  throw new SensorError(id, 'no-value', `gave no finite number as \`${field}\`, but ${what}`);
}
