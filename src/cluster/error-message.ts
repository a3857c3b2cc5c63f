import { type ErrorCode, isPipelineError, PipelineError, reasonOf } from '../errors.ts';

/** What was thrown on its way to another thread. */
export interface ErrorMessage {
  readonly isError: boolean;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Of any error that has one. */
  readonly code: unknown;
  /** Of one of ours. */
  readonly facts:
    | {
        readonly code: ErrorCode;
        readonly place: string;
        readonly fact: string;
        readonly remedy?: string;
        readonly retryable: boolean;
      }
    | undefined;
  readonly cause: ErrorMessage | undefined;
}

/** `stack`: whether it says where it was thrown, which takes long to find and much room. */
export function errorMessage(thrown: unknown, says = { stack: true }): ErrorMessage {
  return messageOf(thrown, says.stack, 0);
}

function messageOf(thrown: unknown, hasStack: boolean, depth: number): ErrorMessage {
  const name = partOf(thrown, 'name');
  const stack = hasStack ? partOf(thrown, 'stack') : undefined;
  const code = partOf(thrown, 'code');
  const cause = partOf(thrown, 'cause');
  return {
    isError: isError(thrown),
    name: typeof name === 'string' ? name : 'Error',
    message: reasonOf(thrown),
    stack: typeof stack === 'string' ? stack : undefined,
    code: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    facts: isPipelineError(thrown) ? factsOf(thrown) : undefined,
    cause:
      cause === undefined || depth === causesMax
        ? undefined
        : messageOf(cause, hasStack, depth + 1),
  };
}

/** Causes of causes may go round in a circle. */
const causesMax = 16;

/** What was thrown may be anything, and throw where it is looked at. */
function partOf(thrown: unknown, part: 'name' | 'stack' | 'code' | 'cause'): unknown {
  try {
    return (thrown as Partial<Record<typeof part, unknown>> | null | undefined)?.[part];
  } catch {
    return undefined;
  }
}

function isError(thrown: unknown): boolean {
  try {
    return thrown instanceof Error;
  } catch {
    return false;
  }
}

function factsOf({ code, place, fact, remedy, retryable }: PipelineError): ErrorMessage['facts'] {
  return { code, place, fact, retryable, ...(remedy === undefined ? {} : { remedy }) };
}

/** What was thrown as it was, as far as that can be: what is no error becomes its text. */
export function errorOf(message: ErrorMessage): unknown {
  const { stackTraceLimit } = Error;
  // Where it is made anew says nothing.
  Error.stackTraceLimit = 0;
  try {
    return made(message);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function made(thrown: ErrorMessage): unknown {
  const { isError: wasError, name, message, stack, code, facts, cause } = thrown;
  if (!wasError && facts === undefined) return message;
  const options = cause === undefined ? {} : { cause: made(cause) };
  const error =
    facts === undefined ? new Error(message, options) : new PipelineError({ ...facts, ...options });
  if (stack !== undefined) error.stack = stack;
  if (facts !== undefined) return error;
  error.name = name;
  return code === undefined ? error : Object.assign(error, { code });
}
