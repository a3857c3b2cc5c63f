import type { Health } from '../observe/health.ts';
import { type Moment, wallTimeOf } from '../observe/moment.ts';
import { hasEnded, type LaneStats, type RunStats } from '../observe/snapshot.ts';
import type {
  ComponentHistory,
  ComponentSeries,
  HistoryPoint,
  HistorySpan,
  LaneSeries,
  RunHistory,
} from './api-types.ts';
import { Columns } from './history/columns.ts';
import { type ComponentLook, componentSeries, laneSeries, runSeries } from './history/figures.ts';
import { type Judgement, judgementOf, SlotStates } from './history/states.ts';

/** How much is kept: the finest ring first, each slot of which is in one of every other. */
const rings = [
  { span: '5m', seconds: 1, length: 300 },
  { span: '1h', seconds: 10, length: 360 },
  { span: '12h', seconds: 60, length: 720 },
] as const satisfies readonly { span: HistorySpan; seconds: number; length: number }[];

const lengths = rings.map(({ length }) => length);
/** After so many empty seconds nothing is left of what was before. */
const secondsMax = 60 * 720;

/** Whether a text names how far back a history goes. */
export function isHistorySpan(text: string): text is HistorySpan {
  return rings.some(({ span }) => span === text);
}

/**
 * The figures of a run over hours, in memory that does not grow: 111 kB for each component, 11 kB
 * for each lane, and for the reasons of twelve bad hours 3 MB. To be given them once a second; a second in which they did not
 * come is empty.
 */
export class History {
  readonly #run = new Columns(runSeries, lengths);
  readonly #components = new Map<string, Columns<ComponentSeries, ComponentLook>>();
  readonly #lanes = new Map<string, Columns<LaneSeries, LaneStats>>();
  readonly #states = rings.map(({ length, seconds }) => new SlotStates(length, seconds * 1000));
  /** The present second, counted from the first. */
  #second = -1;
  /** The second that figures came in last, and when that was by the clock of the run. */
  #toldSecond = -1;
  #toldMs = 0;
  /** That of the newest figures. */
  #now: Moment = { at: 0, monotonicMs: 0 };
  #last: RunStats | undefined;
  /** What the present second is counted from. */
  #before: RunStats | undefined;
  /** Whether the run has ended: nothing comes after that. */
  #isOver = false;

  /** Bytes that it holds: a number that grows with reasons only. */
  get heldBytes(): number {
    const parts = [...this.#all, ...this.#states];
    return parts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The ids of the components that it has. */
  get components(): readonly string[] {
    return [...this.#components.keys()];
  }

  /**
   * Takes the figures of a run; whether a second is over. Those that come sooner count when it is, and
   * at the end of the run at once; behind that nothing does. `loopDelayMs`: the longest by which its
   * loop was late since.
   */
  add(stats: RunStats, health: Health, loopDelayMs: number | null): boolean {
    if (this.#isOver) return false;
    this.#isOver = hasEnded(stats.status);
    const judgement = judgementOf(health, stats.status);
    const { monotonicMs } = stats;
    this.#now = stats;
    const seconds = Math.round((monotonicMs - this.#toldMs) / 1000);
    const isNew = this.#last === undefined || seconds > 0;
    if (isNew) {
      const target = this.#last === undefined ? 0 : this.#toldSecond + seconds;
      this.#advance(Math.min(target - this.#second, secondsMax));
      this.#before = this.#last;
      this.#last = stats;
      this.#toldSecond = this.#second;
      this.#toldMs = monotonicMs;
    }
    if (isNew || this.#isOver) this.#read(stats, loopDelayMs);
    this.#mark(judgement);
    return isNew;
  }

  /**
   * Notes how the run is between two looks, and while figures are overdue. `monotonicMs`: now, by the
   * clock of the run.
   */
  judge(health: Health, monotonicMs: number): void {
    if (this.#last === undefined || this.#isOver) return;
    // The second at whose end figures should have come is over by half of the next.
    const missed = Math.floor((monotonicMs - this.#toldMs) / 1000 - 0.5);
    const behind = this.#toldSecond + missed - this.#second;
    if (missed > 0 && behind > 0) this.#advance(Math.min(behind, secondsMax));
    this.#mark(judgementOf(health, this.#last.status));
  }

  /** The present second; undefined before the first. */
  point(): HistoryPoint | undefined {
    if (this.#second < 0) return undefined;
    const [finest] = this.#states;
    const slot = this.#second % finest!.length;
    const monotonicMs = finest!.endMs[slot]!;
    return {
      at: wallTimeOf(this.#now, monotonicMs),
      monotonicMs,
      run: this.#run.row(slot),
      state: finest!.state(slot) ?? 0,
      reasons: finest!.reasons(slot),
      reasonsLeftOut: finest!.reasonsLeftOut(slot),
      components: mapped(this.#components, (columns) => columns.row(slot)),
      lanes: mapped(this.#lanes, (columns) => columns.row(slot)),
    };
  }

  run(span: HistorySpan): RunHistory {
    const { ring, states, slots } = this.#slots(span);
    const reasons = slots.map((slot, index) => [index, states.reasons(slot)] as const);
    const leftOut = slots.map((slot, index) => [index, states.reasonsLeftOut(slot)] as const);
    return {
      component: null,
      ...this.#timesOf(states, slots),
      series: this.#run.lists(ring, slots),
      lanes: mapped(this.#lanes, (columns) => columns.lists(ring, slots)),
      state: slots.map((slot) => states.state(slot)),
      reasons: Object.fromEntries(reasons.filter(([, { length }]) => length > 0)),
      reasonsLeftOut: Object.fromEntries(leftOut.filter(([, count]) => count > 0)),
    };
  }

  /** Undefined where there is none of that id. */
  component(span: HistorySpan, id: string): ComponentHistory | undefined {
    const { ring, states, slots } = this.#slots(span);
    const columns = this.#components.get(id);
    if (columns === undefined) return undefined;
    return {
      component: id,
      ...this.#timesOf(states, slots),
      series: columns.lists(ring, slots),
    };
  }

  #timesOf(
    { everyMs, endMs }: SlotStates,
    slots: readonly number[],
  ): Pick<RunHistory, 'everyMs' | 'at' | 'monotonicMs'> {
    const ends = slots.map((slot) => endMs[slot]!);
    const at = ends.map((ms) => wallTimeOf(this.#now, ms));
    return { everyMs, at, monotonicMs: ends.at(-1) ?? null };
  }

  /** The slots of a ring that have been, the oldest first. */
  #slots(span: HistorySpan): { ring: number; states: SlotStates; slots: number[] } {
    const ring = rings.findIndex((one) => one.span === span);
    const { length, seconds } = rings[ring]!;
    const last = Math.floor(this.#second / seconds);
    const kept = Math.min(last + 1, length);
    const slots = Array.from({ length: kept }, (_, at) => (last + 1 - kept + at) % length);
    return { ring, states: this.#states[ring]!, slots };
  }

  /** Begins so many seconds, one after the other, all but the last of which are empty. */
  #advance(seconds: number): void {
    for (let left = seconds; left > 0; left--) {
      const [finest] = this.#states;
      const before = this.#second < 0 ? 0 : finest!.endMs[this.#second % finest!.length]!;
      if (this.#second >= 0) this.#mergeSecond();
      this.#second++;
      rings.forEach(({ seconds: slotSeconds, length }, ring) => {
        const slot = Math.floor(this.#second / slotSeconds) % length;
        if (this.#second % slotSeconds === 0) this.#begin(ring, slot);
        this.#states[ring]!.endMs[slot] = before + 1000;
      });
    }
  }

  #begin(ring: number, slot: number): void {
    this.#states[ring]!.begin(slot);
    for (const columns of this.#all) columns.begin(ring, slot);
  }

  /** A second that is over goes into the coarser slots that it is in. */
  #mergeSecond(): void {
    const fine = this.#second % rings[0].length;
    for (const columns of this.#all) {
      for (const ring of [1, 2] as const) columns.merge(fine, ring, this.#slotOf(ring));
    }
  }

  #read(now: RunStats, loopDelayMs: number | null): void {
    const before = this.#before;
    const seconds = before === undefined ? 0 : (now.monotonicMs - before.monotonicMs) / 1000;
    const slot = this.#slotOf(0);
    const { monotonicMs } = now;
    this.#states.forEach((states, ring) => (states.endMs[this.#slotOf(ring)] = monotonicMs));
    this.#run.read(slot, { now, before, seconds, loopDelayMs });
    const earlier = new Map(before?.components.map((component) => [component.id, component]));
    for (const lane of now.lanes) {
      madeOnce(this.#lanes, lane.id, () => new Columns(laneSeries, lengths)).read(slot, lane);
    }
    for (const component of now.components) {
      const { id } = component;
      const columns = madeOnce(
        this.#components,
        id,
        () => new Columns<ComponentSeries, ComponentLook>(componentSeries, lengths),
      );
      const queue = now.queues[id];
      columns.read(slot, { now: component, before: earlier.get(id), seconds, queue });
    }
  }

  #mark(judgement: Judgement): void {
    this.#states.forEach((states, ring) => states.mark(this.#slotOf(ring), judgement));
  }

  get #all(): readonly Pick<Columns<never, never>, 'begin' | 'bytes' | 'merge'>[] {
    return [this.#run, ...this.#components.values(), ...this.#lanes.values()];
  }

  /** Where the present second is in a ring. */
  #slotOf(ring: number): number {
    const { seconds, length } = rings[ring]!;
    return Math.floor(this.#second / seconds) % length;
  }
}

/** By id. */
function mapped<C, T>(columns: ReadonlyMap<string, C>, told: (one: C) => T): Record<string, T> {
  return Object.fromEntries([...columns].map(([id, one]) => [id, told(one)]));
}

function madeOnce<C>(columns: Map<string, C>, id: string, make: () => C): C {
  const made = columns.get(id) ?? make();
  columns.set(id, made);
  return made;
}
