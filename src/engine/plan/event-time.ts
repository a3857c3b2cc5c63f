import { isDescribed } from '../../core/index.ts';
import type { Plan } from '../planned.ts';
import { sourcesOf } from '../sources-of.ts';
import type { Problems } from './problems.ts';

/** Checks that event time is known where a stage counts by it. */
export function checkEventTime(
  plan: Pick<Plan, 'sources' | 'stages' | 'sinks'>,
  problems: Problems,
): void {
  // Of what has a problem of its own not all is there.
  if (problems.list.length > 0) return;
  const feeds = sourcesOf(plan);
  for (const { node } of plan.stages) {
    const { component, id, path } = node;
    if (component === undefined || !isDescribed(component)) continue;
    if (component.definition.spec.eventTime !== true) continue;
    for (const { node: source, output, eventTime } of plan.sources) {
      if (eventTime !== undefined || !feeds.get(id)!.has(source.id)) continue;
      const field = output.fields.find(({ kind }) => kind === 'timestamp')?.name ?? '…';
      const text = `\`${id}\` counts by event time, and source \`${source.id}\` does not say when its rows happened; give that source \`eventTime: { field: ${field} }\``;
      problems.add('missing-option', path, text);
    }
  }
}
