/** A call failed and its fallback had nothing to deliver: what it was for is dropped. No failure. */
export class Undelivered extends Error {
  /** A dotted reason, as `no-history`: one of few. */
  readonly reason: string;

  constructor(reason: string, cause: unknown) {
    super(`nothing to deliver: ${reason}`, { cause });
    this.reason = reason;
  }
}
