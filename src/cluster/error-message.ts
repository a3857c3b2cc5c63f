import { type ErrorCode, isPipelineError, PipelineError, reasonOf } from '../errors.ts';

/** An error on its way to another thread. */
export interface ErrorMessage {
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

/** `isPlaced`: whether it says where it was thrown, which takes long to find and much room. */
export function errorMessage(thrown: unknown, isPlaced = true): ErrorMessage {
  const error = (thrown ?? {}) as Partial<Error> & { code?: unknown };
  const { name, code, cause } = error;
  const stack: unknown = isPlaced ? error.stack : undefined;
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: reasonOf(thrown),
    stack: typeof stack === 'string' ? stack : undefined,
    code: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    facts: isPipelineError(thrown) ? factsOf(thrown) : undefined,
    cause: cause === undefined ? undefined : errorMessage(cause, isPlaced),
  };
}

function factsOf({ code, place, fact, remedy, retryable }: PipelineError): ErrorMessage['facts'] {
  return { code, place, fact, retryable, ...(remedy === undefined ? {} : { remedy }) };
}

/** The error as it was, as far as that can be. */
export function errorOf(message: ErrorMessage): Error {
  const { stackTraceLimit } = Error;
  // Where it is made anew says nothing.
  Error.stackTraceLimit = 0;
  try {
    return made(message);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function made({ name, message, stack, code, facts, cause }: ErrorMessage): Error {
  const options = cause === undefined ? {} : { cause: made(cause) };
  const error =
    facts === undefined ? new Error(message, options) : new PipelineError({ ...facts, ...options });
  if (stack !== undefined) error.stack = stack;
  if (facts !== undefined) return error;
  error.name = name;
  return code === undefined ? error : Object.assign(error, { code });
}
