import type { RunHistory, RunReason, RunState } from '../../src/server/api-types.ts';
import { decimal, span as spanText, timeOf, withTimes } from './format.ts';

/** What each state is called, and how it is shown. */
export const words: readonly { readonly word: string; readonly mood: string }[] = [
  { word: 'healthy', mood: 'good' },
  { word: 'overloaded', mood: 'warn' },
  { word: 'degraded', mood: 'bad' },
  { word: 'down', mood: 'bad down' },
  { word: 'paused', mood: 'idle' },
];
/** Well, but for a pause that somebody made. */
export const paused = 4;
export type Cell = RunState | typeof paused;
/** A history that tells pauses apart. */
export type Cells = Omit<RunHistory, 'state'> & { readonly state: readonly (Cell | null)[] };

/** How it was in one slot, and why. */
export function slotText({ at, state, reasons, reasonsLeftOut }: Cells, slot: number): string {
  const how = state[slot] == null ? 'nobody could tell' : words[state[slot]]!.word;
  const more = reasonsLeftOut[slot];
  const why = [...(reasons[slot] ?? []).map(reasonText), ...(more ? [`and ${more} more`] : [])];
  return `${timeOf(at[slot] ?? 0)} ${how}${why.length === 0 ? '' : `: ${why.join('; ')}`}`;
}

/** For how long it was how, and why mostly. */
export function summaryOf({ state, reasons, everyMs }: Cells): string {
  const of = (one: Cell | null): number => state.filter((other) => other === one).length;
  const ill = ([3, 2, 1, paused] as const)
    .filter((one) => of(one) > 0)
    .map((one) => `${words[one]!.word} for ${spanText(of(one) * everyMs)}`);
  const unknown = of(null) === 0 ? [] : [`unknown for ${spanText(of(null) * everyMs)}`];
  const all = spanText(state.length * everyMs);
  const how = [...ill, ...unknown].join(', ') || 'healthy for all';
  return `It was ${how} of ${all}${whyText(Object.values(reasons), everyMs)}`;
}

/** How many components are named. */
const worstMax = 2;

/** The components that were not well for longest, each for how long, and what it mostly was. */
function whyText(slots: readonly (readonly RunReason[])[], everyMs: number): string {
  const componentsOf = (slot: readonly RunReason[]): Set<string> =>
    new Set(slot.map(({ component = '' }) => component));
  const times = Map.groupBy(
    slots.flatMap((slot) => [...componentsOf(slot)]),
    (component) => component,
  );
  const worst = [...times].toSorted(([, a], [, b]) => b.length - a.length);
  const texts = worst.slice(0, worstMax).map(([component, { length }]) => {
    const what = mostlyText(
      slots.flat().filter((reason) => (reason.component ?? '') === component),
    );
    const who = component === '' ? '' : `${component}: `;
    if (worst.length === 1) return `${who}${what}`;
    const forText = spanText(length * everyMs);
    return component === '' ? `${what} for ${forText}` : `${component} for ${forText}: ${what}`;
  });
  if (texts.length === 0) return '';
  const left = worst.length - texts.length;
  const more = left === 0 ? [] : [`and ${left} more component${left === 1 ? '' : 's'}`];
  return `, mostly: ${[...texts, ...more].join('; ')}`;
}

/** Of many breakers with the same fate one is named. */
function mostlyText(reasons: readonly RunReason[]): string {
  const alike = Map.groupBy(reasons, ({ text }) => text.replaceAll(figure, ''));
  const [most = []] = [...alike.values()].toSorted((a, b) => b.length - a.length);
  const others = new Set(most.map(({ text }) => /`[^`]*`/.exec(text)?.[0])).size - 1;
  const one = withTimes(rangedText(most));
  return others > 0 ? `${one}, and ${others} more like it` : one;
}

/** Reasons that differ in their numbers only, as one: from the least to the greatest of each. */
function rangedText(alike: readonly RunReason[]): string {
  const lists = alike.map(({ text }) => text.match(figure)?.map(Number) ?? []);
  let at = 0;
  return alike.at(-1)!.text.replaceAll(figure, (shown) => {
    const values = lists.flatMap((list) => list[at] ?? []);
    at++;
    const [least, greatest] = [Math.min(...values), Math.max(...values)];
    const isSame = Number.isNaN(Number(shown)) || least === greatest;
    return isSame ? shown : `${decimal(least)} to ${decimal(greatest)}`;
  });
}

/** A number; and a name or a time, in which there may be some. */
const figure = /`[^`]*`|\d{4}-\d\d-\d\dT[\d:.]+Z|\d+(?:\.\d+)?/g;

function reasonText({ component, text }: RunReason): string {
  return withTimes(component === undefined ? text : `${component}: ${text}`);
}
