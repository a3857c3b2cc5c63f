import { type Clock, type Random, systemClock, systemRandom } from '../../core/index.ts';
import { type ErrorMatch, errorTest } from '../error-match.ts';
import type { PolicyListener } from '../events.ts';
import { badOption, checkNames, checkNumber } from '../options.ts';
import type { PolicyOptions } from '../policy.ts';
import { consecutiveFailures, isOpeningRule, type OpeningRule } from './opening-rules.ts';

/** How a breaker opens, waits, probes and closes; times in milliseconds. */
export interface CircuitBreakerOptions extends PolicyOptions {
  /** When it opens; `consecutiveFailures(5)` unless given. */
  readonly opens?: OpeningRule | undefined;
  /** How long it stays open before it lets a probe in; 30,000 unless given. */
  readonly openMs?: number | undefined;
  /** Each opening that follows a failed probe lasts so many times as long; 1 unless given. */
  readonly growth?: number | undefined;
  /** The longest that growth makes it; 300,000, or `openMs` where that is more, unless given. */
  readonly openMsMax?: number | undefined;
  /** The share of the open time that chance may take off, from 0 to 1; 0 unless given. */
  readonly jitter?: number | undefined;
  /** Probes at a time while half-open; 1 unless given. */
  readonly probesMax?: number | undefined;
  /** Probes that must succeed, one after the other, before it closes; 2 unless given. */
  readonly successesToClose?: number | undefined;
  /** A probe that takes as long has failed, whether it ever ends or not; 30,000 unless given. */
  readonly probeMsMax?: number | undefined;
  /** The errors that count as failures; all unless given. Any other shows that it works. */
  readonly failureOn?: ErrorMatch | undefined;
}

const optionNames: readonly (keyof CircuitBreakerOptions)[] = [
  'name',
  'opens',
  'openMs',
  'growth',
  'openMsMax',
  'jitter',
  'probesMax',
  'successesToClose',
  'probeMsMax',
  'failureOn',
  'onEvent',
  'clock',
  'random',
];

/** Options with their defaults, checked: the same for all breakers that share them. */
export interface BreakerSettings {
  readonly name: string;
  readonly opens: OpeningRule;
  /** Whether calls of a closed breaker are timed; probes always are. */
  readonly isTimed: boolean;
  readonly openMs: number;
  readonly growth: number;
  readonly openMsMax: number;
  readonly jitter: number;
  readonly probesMax: number;
  readonly successesToClose: number;
  readonly probeMsMax: number;
  readonly failureOn: ErrorMatch | undefined;
  readonly isFailure: (error: unknown) => boolean;
  readonly onEvent: PolicyListener | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** What an object of options said when it was last read. */
interface Read {
  readonly said: CircuitBreakerOptions;
  readonly settings: BreakerSettings;
}

const known = new WeakMap<CircuitBreakerOptions, Read>();

/**
 * What options say, the same for all breakers while the object says the same, so that a hundred
 * thousand of them may share it.
 */
export function settingsOf(options: CircuitBreakerOptions): BreakerSettings {
  checkNames('circuitBreaker', options, optionNames);
  const read = known.get(options);
  if (read !== undefined && optionNames.every((name) => options[name] === read.said[name])) {
    return read.settings;
  }
  const settings = createSettings(options);
  known.set(options, { said: { ...options }, settings });
  return settings;
}

function createSettings(options: CircuitBreakerOptions): BreakerSettings {
  const { name = 'breaker', opens = consecutiveFailures(5), openMs = 30_000 } = options;
  const { growth = 1, openMsMax, jitter = 0, failureOn } = options;
  const { probesMax = 1, successesToClose = 2, probeMsMax = 30_000 } = options;
  if (!isOpeningRule(opens)) {
    throw badOption(name, 'opens', opens, 'a rule, as `consecutiveFailures(5)`');
  }
  checkNumber(name, 'openMs', openMs, 'positive');
  checkNumber(name, 'openMsMax', openMsMax, 'positive');
  if (openMsMax !== undefined && openMsMax < openMs) {
    throw badOption(name, 'openMsMax', openMsMax, `at least openMs, ${openMs}`);
  }
  if (!(typeof growth === 'number' && growth >= 1 && growth < Infinity)) {
    throw badOption(name, 'growth', growth, 'a finite number, 1 or more');
  }
  if (!(typeof jitter === 'number' && jitter >= 0 && jitter <= 1)) {
    throw badOption(name, 'jitter', jitter, 'a number from 0 to 1');
  }
  checkNumber(name, 'probesMax', probesMax, 'positive integer');
  checkNumber(name, 'successesToClose', successesToClose, 'positive integer');
  checkNumber(name, 'probeMsMax', probeMsMax, 'positive');
  return {
    name,
    opens,
    isTimed: opens.slowMs < Infinity,
    openMs,
    growth,
    openMsMax: openMsMax ?? Math.max(openMs, 300_000),
    jitter,
    probesMax,
    successesToClose,
    probeMsMax,
    failureOn,
    isFailure: failureOn === undefined ? () => true : errorTest(name, 'failureOn', failureOn),
    onEvent: options.onEvent,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}
