import type { Plan } from './planned.ts';
import type { Run, RunOptions } from './run/options.ts';

/** Starts a planned pipeline. Its connectors open, or wait to, while it runs. */
export async function startRun(plan: Plan, options?: RunOptions): Promise<Run> {
  // Whoever only describes pipelines does without the loops of the engine.
  const { beginRun } = await plan.outside.clock.hold(import('./run.ts'));
  return beginRun(plan, options);
}
