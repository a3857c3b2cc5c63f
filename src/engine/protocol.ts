import { Batch, type Schema } from '../batch/index.ts';
import type { ComponentType, WriteResult } from '../core/index.ts';
import { protocols } from '../core/protocol.ts';
import { type ErrorCode, isPipelineError, PipelineError, reasonOf } from '../errors.ts';
import type { Calls } from './calls.ts';
import { methodText } from './checks.ts';

/** What a component threw, with its place; an error of ours says that already and stays as it is. */
export function failedAs(code: ErrorCode, place: string, fact: string, cause: unknown): unknown {
  if (isPipelineError(cause)) return cause;
  return new PipelineError({ code, place, fact: `${fact}: ${reasonOf(cause)}`, cause });
}

/** A promise of the contract that a component broke. */
export function brokenPromise(place: string, fact: string, remedy: string): PipelineError {
  return new PipelineError({ code: 'ERR_CONNECTOR_PROTOCOL', place, fact, remedy });
}

/** Throws where what a component's `create` made obeys neither form of its protocol. */
export function assertMade(place: string, type: ComponentType, made: unknown): void {
  const given = Object(made) as Readonly<Record<string, unknown>>;
  const { method, call, made: methods } = protocols[type];
  if (typeof given[method] !== 'function') return assertMethods(place, made, methods);
  const remedy = `give an object with \`${call}\``;
  throw brokenPromise(place, `of what its \`create\` gave: ${methodText(type, given)}`, remedy);
}

/** Throws where what a component's `create` made has not all of these methods. */
export function assertMethods(place: string, made: unknown, methods: readonly string[]): void {
  const given = (made ?? {}) as Readonly<Record<string, unknown>>;
  const missing = methods.filter((name) => typeof given[name] !== 'function');
  if (missing.length === 0) return;
  const names = missing.map((name) => `\`${name}\``).join(', ');
  const fact = `its \`create\` gave an object without the method${missing.length > 1 ? 's' : ''} ${names}`;
  throw brokenPromise(place, fact, `give an object with ${methods.join(', ')}`);
}

/** Throws where what a component gave is no batch, or one of another schema than it promised. */
export function assertPromised(
  place: string,
  given: unknown,
  promised: Schema,
): asserts given is Batch {
  if (!(given instanceof Batch)) {
    const fact = `gave ${given === null ? 'null' : typeof given} where a batch was due`;
    throw brokenPromise(place, fact, 'return a batch; the one that came in will do');
  }
  if (given.schema.equals(promised)) return;
  const fact = `gave a batch of ${given.schema} after promising ${promised}`;
  throw brokenPromise(place, fact, 'give batches of the schema that it declares as its output');
}

/** What the engine asks of a connector. */
export type ConnectorCall = 'open' | 'read' | 'write' | 'commit' | 'acknowledge' | 'close';

/**
 * Makes a connector's call, under the policy of `calls`, or plainly where there are none. An error
 * that does not say its place comes out as `ERR_CONNECTOR_FAILED` with the component's id.
 */
export async function callConnector<T>(
  { id, calls }: { readonly id: string; readonly calls?: Calls },
  what: ConnectorCall,
  attempt: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  try {
    return await (calls === undefined ? attempt(signal) : calls.make(what, attempt, signal));
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw error;
    throw failedAs('ERR_CONNECTOR_FAILED', id, `could not ${what}`, error);
  }
}

const answers = ['failed', 'refused', 'notNow'];

/** Throws where what a sink said of a batch is no answer: rows would count as taken that are not. */
export function assertAnswer(id: string, answer: unknown): void {
  if (answer === undefined) return;
  const remedy = 'return nothing where all rows were taken, else `failed`, `refused` or `notNow`';
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    const given = Array.isArray(answer) ? 'a list' : String(answer);
    throw brokenPromise(id, `answered a batch with ${given}`, remedy);
  }
  const unknown = Object.keys(answer).find((key) => !answers.includes(key));
  if (unknown !== undefined) {
    throw brokenPromise(id, `answered a batch with \`${unknown}\``, remedy);
  }
  const { failed = [], notNow } = answer as WriteResult;
  if (!Array.isArray(failed)) {
    throw brokenPromise(id, 'answered with `failed` that is no list', 'name the rows in a list');
  }
  if (notNow !== undefined && !(notNow.retryAfterMs >= 0)) {
    const fact = `answered that it takes no batch for ${notNow.retryAfterMs} ms`;
    throw brokenPromise(id, fact, 'give `retryAfterMs` as a number, 0 or more');
  }
}
