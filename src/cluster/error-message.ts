import { type ErrorCode, isPipelineError, PipelineError, reasonOf } from '../errors.ts';
import type { FailedRowRecord, TallyPart } from '../engine/report.ts';

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
      }
    | undefined;
  readonly cause: ErrorMessage | undefined;
}

export function errorMessage(thrown: unknown): ErrorMessage {
  const { name, stack, code, cause } = (thrown ?? {}) as Partial<Error> & { code?: unknown };
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: reasonOf(thrown),
    stack: typeof stack === 'string' ? stack : undefined,
    code: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    facts: isPipelineError(thrown) ? factsOf(thrown) : undefined,
    cause: cause === undefined ? undefined : errorMessage(cause),
  };
}

function factsOf({ code, place, fact, remedy }: PipelineError): ErrorMessage['facts'] {
  return { code, place, fact, ...(remedy === undefined ? {} : { remedy }) };
}

/** The error as it was, as far as that can be. */
export function errorOf({ name, message, stack, code, facts, cause }: ErrorMessage): Error {
  const options = cause === undefined ? {} : { cause: errorOf(cause) };
  if (facts !== undefined) return new PipelineError({ ...facts, ...options });
  const error = new Error(message, options);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return code === undefined ? error : Object.assign(error, { code });
}

/** Failed records with what was thrown as messages. */
export function withMessages(part: TallyPart): TallyPart {
  return withThrown(part, errorMessage);
}

/** The same with errors again. */
export function withErrors(part: TallyPart): TallyPart {
  return withThrown(part, (thrown) => errorOf(thrown as ErrorMessage));
}

function withThrown(part: TallyPart, change: (thrown: unknown) => unknown): TallyPart {
  if (part.failures.length === 0) return part;
  const failures = part.failures.map((failure) => {
    const { thrown } = failure as Partial<FailedRowRecord>;
    return thrown === undefined ? failure : { ...failure, thrown: change(thrown) };
  });
  return { ...part, failures };
}
