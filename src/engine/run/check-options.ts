import { PipelineError } from '../../errors.ts';
import { checkAlertRules } from '../../observe/alerts/check-rule.ts';
import type { RunOptions } from './options.ts';

/** Throws `ERR_CONFIG_INVALID` where a run would be over before it began. */
export function checkRunOptions(options: RunOptions): void {
  if (options.alerts !== undefined) checkAlertRules(options.alerts);
  for (const name of ['recordsMax', 'durationMsMax'] as const) {
    const limit = options[name];
    if (limit === undefined || limit > 0) continue;
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: name,
      fact: `a run cannot end after ${limit}`,
      remedy: 'give a number above 0, or leave it out',
    });
  }
}
