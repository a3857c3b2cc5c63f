import { PipelineError } from '../../errors.ts';
import { requireKnownNames } from '../known-names.ts';
import type { AlertLimits, AlertRule } from './rule.ts';

const ruleNames: readonly string[] = [
  'name',
  'summary',
  'unit',
  'bad',
  'limits',
  'of',
  'forecastMs',
  'read',
] satisfies (keyof AlertRule)[];

const namePattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** So many looks are kept of each component: an hour of them. */
const looksMax = 3600;

/** What is wrong with limits, for people; undefined where nothing is. */
export function limitsProblem(limits: AlertLimits, bad: AlertRule['bad']): string | undefined {
  const { warn, critical, clear } = limits;
  if (warn === undefined && critical === undefined) return 'takes `warn`, `critical`, or both';
  const isFloor = bad === 'below';
  const given = [clear, warn, critical].filter((limit) => limit !== undefined);
  const inOrder = given.every((limit, at) => {
    const before = given[at - 1] ?? limit;
    return Number.isFinite(limit) && (isFloor ? limit <= before : limit >= before);
  });
  if (inOrder && clear !== undefined) return undefined;
  return isFloor
    ? 'takes numbers of which `clear` is the highest, then `warn`, then `critical`'
    : 'takes numbers of which `clear` is the lowest, then `warn`, then `critical`';
}

/** Throws `ERR_CONFIG_INVALID` where rules could not be judged by, or not be told apart. */
export function checkAlertRules(rules: readonly AlertRule[]): void {
  if (!Array.isArray(rules)) throw refused('alerts', 'takes a list of rules');
  const names = new Set<string>();
  for (const rule of rules as readonly AlertRule[]) {
    checkAlertRule(rule);
    const { name } = rule;
    if (names.has(name)) throw refused(`alerts.${name}`, 'is the name of two rules');
    names.add(name);
  }
}

/** Throws `ERR_CONFIG_INVALID` where a rule cannot be judged by these limits. */
export function checkLimits({ name, bad }: AlertRule, limits: AlertLimits): void {
  const place = `alerts.${name}.limits`;
  requireKnownNames(place, limits, ['warn', 'critical', 'clear'], 'limit');
  const wrong = limitsProblem(limits, bad);
  if (wrong !== undefined) throw refused(place, wrong, limits);
}

type Option = 'name' | 'summary' | 'unit' | 'bad' | 'forecastMs' | 'read';

const options: Readonly<Record<Option, readonly [takes: string, is: (given: unknown) => boolean]>> =
  {
    name: ['a name in kebab-case', (name) => isText(name) && namePattern.test(name)],
    summary: ['one sentence', (summary) => isText(summary) && summary.trim() !== ''],
    unit: ['a text', isText],
    bad: ['`above` or `below`', (bad) => [undefined, 'above', 'below'].includes(bad as string)],
    forecastMs: ['milliseconds above 0', (ms) => ms === undefined || (isFinite(ms) && ms > 0)],
    read: ['a function', (read) => typeof read === 'function'],
  };

function checkAlertRule(rule: AlertRule): void {
  requireKnownNames('alerts', rule, ruleNames);
  const place = options.name[1](rule.name) ? `alerts.${rule.name}` : 'alerts';
  for (const [option, [takes, is]] of Object.entries(options) as [Option, typeof options.name][]) {
    const given = rule[option];
    if (!is(given)) throw refused(`${place}.${option}`, `takes ${takes}`, { [option]: given });
  }
  const { of } = rule;
  checkLimits(rule, rule.limits);
  requireKnownNames(`${place}.of`, of, ['m', 'n'], 'part');
  const { m, n } = of;
  if (!isCount(m) || !isCount(n) || m > n) {
    const takes = `takes whole numbers from 1 to ${looksMax}, \`m\` no more than \`n\``;
    throw refused(`${place}.of`, takes, of);
  }
}

function isText(given: unknown): given is string {
  return typeof given === 'string';
}

function isFinite(given: unknown): given is number {
  return Number.isFinite(given);
}

function isCount(count: number): boolean {
  return Number.isSafeInteger(count) && count >= 1 && count <= looksMax;
}

function refused(place: string, takes: string, given: object = {}): PipelineError {
  const shown = Object.entries(given).map(([key, value]) => `${key} ${String(value)}`);
  return new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place,
    fact: shown.length === 0 ? takes : `${takes}, not ${shown.join(', ')}`,
    remedy: 'change the rule; docs/observability/alerts.md says how one is judged',
  });
}
