import { fingerprintOf } from '../cluster/fingerprint.ts';
import type { LanePipeline } from '../cluster/messages.ts';
import { laneId } from '../cluster/lane-workers.ts';
import type { Plan } from '../engine/planned.ts';
import { PipelineError } from '../errors.ts';

/** The pipeline that a module exports, planned again on the thread of a lane. */
export async function planOfModule(
  { module, name, fingerprint }: Extract<LanePipeline, { readonly module: string }>,
  lane: number,
): Promise<Plan> {
  const exported = ((await import(module)) as Record<string, unknown>)[name];
  const made: unknown = typeof exported === 'function' ? await exported() : await exported;
  const { plan: planning } = (made ?? {}) as { readonly plan?: () => Promise<Plan> };
  if (typeof planning !== 'function') {
    throw new PipelineError({
      code: 'ERR_LANE_FAILED',
      place: module,
      fact: `exports no pipeline as \`${name}\``,
      remedy: `export the builder of the pipeline, or a function that gives it, as \`${name}\``,
    });
  }
  const plan = await planning.call(made);
  if (fingerprintOf(plan) === fingerprint) return plan;
  throw new PipelineError({
    code: 'ERR_LANE_FAILED',
    place: laneId(lane),
    fact: 'has another pipeline than the run: it changed meanwhile, or is made anew each time',
    remedy: 'start the run again, or run it with one lane',
  });
}
