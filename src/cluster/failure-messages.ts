import { deserialize, serialize } from 'node:v8';

import type { FailedRowRecord, Tally } from '../engine/report.ts';
import { reasonOf } from '../errors.ts';
import { type ErrorMessage, errorMessage, errorOf } from './error-message.ts';

type Failures = Tally['failures'];

/**
 * Records that failed in a component on a lane, on their way to the run: as bytes, since there may be as
 * many as rows, and what was thrown at each as a message, one for all that say the same. Where that was
 * is told of the first alone: no other is what a run fails with.
 */
export class FailureMessages {
  #parts: Uint8Array[] = [];

  /** Those of one batch. */
  add(failures: Failures): void {
    if (failures.length === 0) return;
    const messages = new Map<string, ErrorMessage>();
    const messageOf = (thrown: unknown): ErrorMessage => {
      const { name, code } = (thrown ?? {}) as { readonly name?: unknown; readonly code?: unknown };
      const key = `${String(name)} ${String(code)} ${reasonOf(thrown)}`;
      const isFirst = this.#parts.length === 0 && messages.size === 0;
      const message = messages.get(key) ?? errorMessage(thrown, isFirst);
      messages.set(key, message);
      return message;
    };
    this.#parts.push(serialize(failures.map((failure) => withThrown(failure, messageOf))));
  }

  /** All since this was last asked. */
  take(): Uint8Array[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }
}

/** The failed records of one batch again. */
export function failuresOf(part: Uint8Array): Failures {
  const errors = new Map<unknown, Error>();
  return (deserialize(part) as Failures).map((failure) =>
    withThrown(failure, (thrown) => {
      const error = errors.get(thrown) ?? errorOf(thrown as ErrorMessage);
      errors.set(thrown, error);
      return error;
    }),
  );
}

function withThrown(
  failure: Failures[number],
  change: (thrown: unknown) => unknown,
): Failures[number] {
  const { thrown } = failure as Partial<FailedRowRecord>;
  return thrown === undefined ? failure : { ...failure, thrown: change(thrown) };
}
