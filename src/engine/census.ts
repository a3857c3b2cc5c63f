import type { Census } from '../observe/snapshot.ts';

/** How many are told of. */
const worstMax = 1000;

/** Counts things by their state, and keeps the least well of them. */
export class CensusTaker<State extends string, One> {
  readonly #counts: Map<State, number>;
  readonly #kept: Map<State, One[]>;

  /** `states`: every one that there is, the least well first. */
  constructor(states: readonly State[]) {
    this.#counts = new Map(states.map((state) => [state, 0]));
    this.#kept = new Map(states.map((state) => [state, []]));
  }

  /** `report` is called where there is room for what it gives. Throws for a state that there is not. */
  add(state: State, report: () => One): void {
    const kept = this.#kept.get(state);
    if (kept === undefined) throw new TypeError(`there is no state \`${String(state)}\``);
    this.#counts.set(state, this.#counts.get(state)! + 1);
    if (kept.length < worstMax) kept.push(report());
  }

  taken(): Census<State, One> {
    return {
      total: this.#counts.values().reduce((sum, count) => sum + count, 0),
      byState: Object.fromEntries(this.#counts) as Record<State, number>,
      worst: [...this.#kept.values()].flat().slice(0, worstMax),
    };
  }
}
