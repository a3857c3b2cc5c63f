import { changeAuthor } from '../../core/changed-by.ts';
import { type ChangeLog, ChangeTrail } from '../../core/change-trail.ts';
import type { Clock } from '../../core/index.ts';
import { type Scrub, withoutSecrets } from '../../core/mask.ts';
import { boundedName } from '../../observe/bounded-counts.ts';
import type { ChangedValue } from '../../observe/snapshot.ts';

/** Changes of each thing that figures show. */
const shownMax = 100;

/** What was changed while a run was at work: a trail of each thing, by its name. */
export class RunChanges {
  readonly #clock: Clock;
  readonly #scrub: Scrub;
  readonly #trails = new Map<string, ChangeTrail<ChangedValue>>();

  constructor(clock: Clock, scrub: Scrub) {
    this.#clock = clock;
    this.#scrub = scrub;
  }

  /** Notes a change that was made now by whom `changedBy` says; none where nothing changed. */
  note(what: string, from: ChangedValue, to: ChangedValue): void {
    if (Object.is(from, to)) return;
    const name = boundedName(this.#trails, this.#shown('', what));
    let trail = this.#trails.get(name);
    if (trail === undefined) this.#trails.set(name, (trail = new ChangeTrail<ChangedValue>()));
    const author = changeAuthor();
    const by = author === null ? null : this.#shown('', author);
    trail.add(this.#clock.now(), this.#shown(what, from), this.#shown(what, to), by);
  }

  /** The newest changes of each thing, by its name. */
  logs(): Record<string, ChangeLog<ChangedValue>> {
    return Object.fromEntries([...this.#trails].map(([what, trail]) => [what, newest(trail)]));
  }

  #shown<T extends ChangedValue>(name: string, value: T): T {
    return withoutSecrets(name, value, this.#scrub) as T;
  }
}

function newest(trail: ChangeTrail<ChangedValue>): ChangeLog<ChangedValue> {
  const { entries: all, changes } = trail.log();
  const entries = all.slice(-shownMax);
  return { entries, changes, discarded: changes - entries.length };
}
