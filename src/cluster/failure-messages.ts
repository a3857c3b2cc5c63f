import { deserialize, serialize } from 'node:v8';

import type { FailedRowRecord, Tally } from '../engine/report.ts';
import { type ErrorMessage, errorMessage, errorOf } from './error-message.ts';

type Failures = Tally['failures'];

/**
 * Records that failed in a component on a lane, on their way to the run: as bytes, since there may be as
 * many as rows, and what was thrown at each as a message, one for all of a batch that say the same. Where
 * that was is told of the first of a piece of work alone: no other is what a run fails with.
 */
export class FailureMessages {
  #parts: Uint8Array[] = [];

  /** Those of one batch. */
  add(failures: Failures): void {
    if (failures.length === 0) return;
    const messages = new Map<string, ErrorMessage>();
    let isFirst = this.#parts.length === 0;
    const messageOf = (thrown: unknown): ErrorMessage => {
      const message = errorMessage(thrown, { stack: isFirst });
      isFirst = false;
      const key = JSON.stringify(message);
      const known = messages.get(key) ?? message;
      messages.set(key, known);
      return known;
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
  const errors = new Map<unknown, unknown>();
  return (deserialize(part) as Failures).map((failure) =>
    withThrown(failure, (thrown) => {
      if (!errors.has(thrown)) errors.set(thrown, errorOf(thrown as ErrorMessage));
      return errors.get(thrown);
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
