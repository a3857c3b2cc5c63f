import type {
  BreakerTransition,
  ComponentReport,
  RunHistory,
  RunReason,
  RunStats,
  SensorReport,
} from '../../src/server/api-types.ts';
import { useTransitions } from './transitions.ts';
import { useDocument } from './documents.ts';
import { count, rate, withTimes } from './format.ts';
import { useRunHistory } from './history.ts';
import { endedAt, health, isStill, snapshot } from './live.ts';
import { causeOf, overSinceOf, wellTextOf } from './recovery.ts';
import { own } from './own.ts';
import { type Grown, grownOf } from './recent.ts';

/** How long something has been wrong. */
export interface Since {
  /** Wall time in milliseconds; undefined where nobody knows. */
  readonly since: number | undefined;
  /** Whether it was already so in the oldest of what is kept. */
  readonly isOlder: boolean;
}

/** Records that did not go as they should: so far, and over the last ten seconds. */
export interface Loss extends Grown {
  readonly name: (typeof lossNames)[number];
}

/** What is wrong with a component, or, where that is empty, with the run. */
export interface Trouble extends Since {
  readonly component: string;
  /** Bad where the run is not healthy for it. */
  readonly mood: 'warn' | 'bad';
  /** In a few words. */
  readonly what: string;
  /** The same where there is little room. */
  readonly brief: string;
  /** What fails outside, in its own words. */
  readonly cause: string | undefined;
  /** In how long its queue is full, where it fills. */
  readonly fullInMs: number | undefined;
  /** Where all is well again, and only counts still: since when, as far as that is known. */
  readonly isPast: boolean;
  readonly wellSince: number | undefined;
  /** Why, with details. */
  readonly why: readonly string[];
  /** What it costs. */
  readonly losses: readonly Loss[];
}

/** All that is wrong, in the order of the flow, and since when anything is, or is no more. */
export interface Troubles extends Since {
  readonly troubles: readonly Trouble[];
  readonly wellSince: number | undefined;
}

/** What is wrong now. */
export function useTroubles(): Troubles {
  const stats = snapshot.value;
  const transitions = useTransitions();
  const recent = useRunHistory('5m');
  const isLong = recent !== undefined && recent.at.length >= 300 && startOf(recent, '') === 0;
  const { value: long } = useDocument<RunHistory>(
    isLong ? 'history?span=12h' : undefined,
    60_000,
  ).value;
  const history = isLong ? (long ?? recent) : recent;
  // That it takes no input the word says, and is no illness by itself.
  const ills = (health.value?.reasons ?? []).filter(({ of }) => of !== 'ready');
  const reasons = Map.groupBy(ills, ({ component = '' }) => component);
  const troubleOf = (component: string, report?: ComponentReport): readonly Trouble[] => {
    const why = (reasons.get(component) ?? []).map(({ text }) => withTimes(text));
    const losses = lossesOf(component);
    const { failure } = stats ?? {};
    if (failure?.component === component) {
      const since = endedAt.value ?? stats!.at;
      const { text: what } = failure;
      return [{ ...ended, component, what, brief: what.replace(codeAndPlace, ''), losses, since }];
    }
    const fullInMs = isStill.value ? undefined : own(stats?.queues ?? {}, component)?.leftMs;
    const what = whatOf(report, why, losses, fullInMs);
    if (what === undefined || stats === undefined) {
      began.delete(component);
      return [];
    }
    const isIllness = why.length > 0 || report?.unaccounted !== 0;
    const times = [
      ...(report?.sensors?.worst ?? []).filter(isIll).map(({ since }) => since),
      // The history keeps few of many reasons.
      ...openedAt(report, transitions),
      ...stats.alerts
        .filter((one) => isIllness && one.component === component && one.state === 'firing')
        .map(({ sinceMs }) => sinceMs),
    ];
    const wellSince = overSinceOf(component);
    const isPast = wellSince !== undefined;
    return [
      {
        component,
        mood: isIllness && !isPast ? 'bad' : 'warn',
        what: isPast ? `well again: ${wellTextOf(report!)}` : what,
        brief: isPast ? 'well again' : what,
        cause: isPast ? undefined : causeOf(stats, report),
        fullInMs,
        isPast,
        wellSince,
        why,
        losses,
        ...steady(component, sinceOf(component, history, times), stats),
      },
    ];
  };
  const troubles = [
    ...troubleOf(''),
    ...(stats?.components ?? []).flatMap((report) => troubleOf(report.id, report)),
  ];
  const times = troubles.map(({ since }) => since).filter((at) => at !== undefined);
  const since = sinceOf('', history, times);
  if (troubles.length > 0 && stats !== undefined) {
    const ends = troubles.flatMap(({ wellSince }) => wellSince ?? []);
    const wellSince = health.value?.recovering === true ? Math.max(...ends) : undefined;
    return { troubles, wellSince, ...steady(wholeRun, since, stats) };
  }
  began.delete(wholeRun);
  return { troubles, wellSince: undefined, ...since };
}

/** Of an error; a node has room for little more than why. */
const codeAndPlace = /^ERR_\w+ \[.*?\] /;

/** Of what a run failed with. */
const ended = {
  mood: 'bad',
  cause: undefined,
  fullInMs: undefined,
  isPast: false,
  wellSince: undefined,
  why: [],
  isOlder: false,
} as const;

/** When what is wrong began, by component: that does not change while it goes on. */
const began = new Map<string, number>();
/** No id of a component. */
const wholeRun = ' ';

function steady(name: string, told: Since, { at, durationMs }: RunStats): Since {
  const before = began.get(name) ?? Infinity;
  // One of before the run is of another run.
  const since = Math.min(told.since ?? Infinity, before < at - durationMs ? Infinity : before);
  if (since === Infinity) return told;
  began.set(name, since);
  return { ...told, since };
}

function isIll({ state }: SensorReport): boolean {
  return state !== 'live';
}

/** When each breaker that is not closed stopped being so. */
function openedAt(
  report: ComponentReport | undefined,
  transitions: readonly BreakerTransition[],
): number[] {
  const breakers = report?.policy?.breakers.worst ?? [];
  return breakers
    .filter(({ state }) => state !== 'closed')
    .flatMap(({ id }) => {
      const isOpening = (one: BreakerTransition): boolean =>
        one.component === report!.id && one.breaker === id && one.previous === 'closed';
      return transitions.findLast(isOpening)?.at ?? [];
    });
}

/** The first that is the case, of what says most. */
function whatOf(
  report: ComponentReport | undefined,
  why: readonly string[],
  losses: readonly Loss[],
  fullInMs: number | undefined,
): string | undefined {
  const { sensors, policy, unaccounted = 0 } = report ?? {};
  if (unaccounted !== 0) {
    return `${count(Math.abs(unaccounted))} records ${unaccounted > 0 ? 'lost' : 'too many'}`;
  }
  const ill = sensors === undefined ? 0 : sensors.total - sensors.byState.live;
  if (ill > 0) {
    const are = losses.some(({ name }) => name === 'substituted') ? 'substituted' : 'not live';
    return `${count(ill)} of ${count(sensors!.total)} sensors ${are}`;
  }
  const { total: breakers = 0, byState } = policy?.breakers ?? {};
  const open = breakers - (byState?.closed ?? 0);
  if (open > 0) {
    return breakers === 1 ? 'breaker open' : `${count(open)} of ${count(breakers)} breakers open`;
  }
  const failing = losses.find(({ name, perSecond }) => name === 'failed' && perSecond > 0);
  const failed = why[0] ?? (failing && `${rate(failing.perSecond)} failed`);
  return failed ?? (fullInMs === undefined ? undefined : 'its queue fills');
}

const lossNames = ['substituted', 'failed', 'dropped', 'dead letters', 'waiting'] as const;

/** What a component loses. */
function lossesOf(id: string): readonly Loss[] {
  return lossNames.map((name) => ({ name, ...grownOf(id, name) })).filter(({ total }) => total > 0);
}

/** The slot since which the run, or a component, has been ill without a break. */
function startOf({ state, reasons, reasonsLeftOut }: RunHistory, component: string): number {
  const isOfIt = (one: RunReason): boolean => one.component === component;
  let start = state.length;
  for (let slot = start - 1; slot >= 0; slot--) {
    // Nobody could tell then.
    if (state[slot] == null) continue;
    if (state[slot] === 0) break;
    if (component === '' || reasons[slot]?.some(isOfIt) === true) start = slot;
    // Its reason may be among those that are not kept.
    else if (reasonsLeftOut[slot] === undefined) break;
  }
  return start;
}

/** `times`: when what is wrong now began, as far as that is known otherwise. */
function sinceOf(
  component: string,
  history: RunHistory | undefined,
  times: readonly number[],
): Since {
  const start = history === undefined ? 0 : startOf(history, component);
  const known = [history?.at[start], ...times].filter((at) => at !== undefined);
  return {
    since: known.length === 0 ? undefined : Math.min(...known),
    isOlder: start === 0 && (history?.at.length ?? 0) >= 300,
  };
}
