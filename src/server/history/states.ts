import type { Health } from '../../observe/health.ts';
import { hasFailed, type RunStatus } from '../../observe/snapshot.ts';
import type { RunReason, RunState } from '../api-types.ts';

const reasonsMax = 5;
const reasonLengthMax = 200;

/** How a run is, and why it is not well. */
export interface Judgement {
  readonly state: RunState;
  readonly reasons: readonly RunReason[];
}

/** Judges by its health, and by how it has ended. */
export function judgementOf(health: Health, status: RunStatus): Judgement {
  const { alive, overloaded, degraded, reasons } = health;
  const isFailed = hasFailed(status);
  const state = !alive || isFailed ? 3 : degraded ? 2 : overloaded ? 1 : 0;
  // That it takes no input is no illness, unless it has failed.
  return { state, reasons: reasons.filter(({ of }) => of !== 'ready' || isFailed) };
}

/** When the slots of one ring were, and how the run was in each. */
export class SlotStates {
  readonly length: number;
  readonly everyMs: number;
  /** When each slot ended: monotonic. */
  readonly endMs: Float64Array;
  readonly #states: Int8Array;
  readonly #reasons: (readonly RunReason[] | undefined)[];
  readonly #reasonsLeftOut: Uint32Array;

  constructor(length: number, everyMs: number) {
    this.length = length;
    this.everyMs = everyMs;
    this.endMs = new Float64Array(length);
    this.#states = new Int8Array(length).fill(-1);
    this.#reasons = Array.from({ length });
    this.#reasonsLeftOut = new Uint32Array(length);
  }

  get bytes(): number {
    const characters = this.#reasons
      .flatMap((reasons) => reasons ?? [])
      .reduce((sum, { component = '', text }) => sum + component.length + text.length, 0);
    const arrays = [this.endMs, this.#states, this.#reasonsLeftOut];
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, 2 * characters);
  }

  begin(slot: number): void {
    this.#states[slot] = -1;
    this.#reasons[slot] = undefined;
    this.#reasonsLeftOut[slot] = 0;
  }

  /** Of a slot the worst that it was counts. */
  mark(slot: number, { state, reasons }: Judgement): void {
    this.#states[slot] = Math.max(this.#states[slot]!, state);
    if (state === 0) return;
    const kept = new Map(this.#reasons[slot]?.map((reason) => [kindOf(reason), reason]));
    const others = new Set<string>();
    for (const { component, text } of reasons) {
      const reason = {
        ...(component !== undefined && { component }),
        text: text.slice(0, reasonLengthMax),
      };
      const kind = kindOf(reason);
      if (!kept.has(kind) && kept.size >= reasonsMax) {
        const spare = spareOf([...kept], component);
        others.add(spare ?? kind);
        if (spare === undefined) continue;
        kept.delete(spare);
      }
      kept.set(kind, reason);
    }
    this.#reasons[slot] = [...kept.values()];
    this.#reasonsLeftOut[slot] = Math.max(this.#reasonsLeftOut[slot]!, others.size);
  }

  /** Null where nobody could tell. */
  state(slot: number): RunState | null {
    const state = this.#states[slot]!;
    return state < 0 ? null : (state as RunState);
  }

  reasons(slot: number): readonly RunReason[] {
    return this.#reasons[slot] ?? [];
  }

  /** How many more there were at once. */
  reasonsLeftOut(slot: number): number {
    return this.#reasonsLeftOut[slot]!;
  }
}

/** What makes room for a component of which no reason is kept: the last of one that has several. */
function spareOf(
  kept: readonly (readonly [kind: string, RunReason])[],
  component: string | undefined,
): string | undefined {
  const of = (one: string | undefined): number =>
    kept.filter(([, reason]) => reason.component === one).length;
  if (of(component) > 0) return undefined;
  return kept.findLast(([, reason]) => of(reason.component) > 1)?.[0];
}

/** What differs in the figures of its text only is the same reason. */
function kindOf({ component = '', text }: RunReason): string {
  return `${component}\n${text.replaceAll(/\d+(\.\d+)?/g, '#')}`;
}
