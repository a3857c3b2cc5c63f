import { PipelineError } from '../../errors.ts';
import type { DecodeReason } from './contract.ts';

/** A record that cannot become a row, with the reason of the dead letter it becomes. */
export class UndecodableError extends PipelineError {
  readonly reason: DecodeReason;

  constructor(reason: DecodeReason, fact: string) {
    super({ code: 'ERR_BATCH_VALUE', place: reason, fact });
    this.reason = reason;
  }
}
