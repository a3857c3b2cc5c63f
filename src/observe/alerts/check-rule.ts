import { PipelineError } from '../../errors.ts';
import type { AlertLimits, AlertRule } from './rule.ts';

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

/** Throws `ERR_CONFIG_INVALID` where a rule could not be judged by. */
export function checkAlertRule({ name, limits, bad, of, forecastMs }: AlertRule): void {
  const wrong = limitsProblem(limits, bad);
  if (wrong !== undefined) throw badRule(name, 'limits', limits, wrong);
  const { m, n } = of;
  const isCount = (count: number): boolean => Number.isSafeInteger(count) && count >= 1;
  if (!isCount(m) || !isCount(n) || m > n) {
    throw badRule(name, 'of', of, 'takes whole numbers from 1, `m` no more than `n`');
  }
  if (forecastMs !== undefined && !(forecastMs > 0 && forecastMs < Infinity)) {
    throw badRule(name, 'forecastMs', { forecastMs }, 'takes milliseconds above 0');
  }
}

function badRule(name: string, option: string, given: object, takes: string): PipelineError {
  const shown = Object.entries(given).map(([key, value]) => `${key} ${String(value)}`);
  return new PipelineError({
    code: 'ERR_CONFIG_INVALID',
    place: `alerts.${name}.${option}`,
    fact: `${takes}, not ${shown.join(', ')}`,
    remedy: 'change the rule; docs/observability/alerts.md says how one is judged',
  });
}
