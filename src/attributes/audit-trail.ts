import { ChangeTrail } from '../core/change-trail.ts';
import type { ChangeUnderWay } from '../core/changed-by.ts';

/** The changes of one object's attribute, which other objects may inherit from it but do not share. */
export class AuditTrail extends ChangeTrail {
  readonly holder: object;
  /** The innermost change that is not over. */
  underWay: ChangeUnderWay | undefined = undefined;
  /** A change within no other, as most are: the same again and again. */
  readonly outermost: ChangeUnderWay = { from: undefined, at: 0, by: null };

  constructor(holder: object) {
    super();
    this.holder = holder;
  }

  /** Notes how far a change has come. */
  note(change: ChangeUnderWay, to: unknown): void {
    if (Object.is(change.from, to)) return;
    this.add(change.at, change.from, to, change.by);
    change.from = to;
  }
}
