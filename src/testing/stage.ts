import * as z from 'zod';

import { Batch, type Fields, type JsonValue, type Schema } from '../batch/index.ts';
import {
  isCut,
  isStage,
  seededRandom,
  silentLogger,
  type Flow,
  type Outside,
  type StageComponent,
  type StageContext,
  type StageInstance,
  VirtualClock,
} from '../core/index.ts';
import { defaultSettings } from '../engine/description.ts';
import { assertMade } from '../engine/protocol.ts';
import { Tally } from '../engine/report.ts';

/** A stage that was planned and created on its own, outside any pipeline. */
export interface TestedStage {
  readonly instance: StageInstance;
  /** The schema of what comes out. */
  readonly output: Schema;
  /** What it reported: rows dropped, failed, absorbed, created; counts. */
  readonly tally: Tally;
  /** Runs batches and cuts through it; each batch is released as the engine would. */
  run(flows: Iterable<Flow>): Promise<Flow[]>;
  /** The rows that come of the given records. */
  rows(records: readonly Record<string, unknown>[]): Promise<Record<string, unknown>[]>;
  /** Its state; null where it has none. */
  snapshot(): JsonValue;
}

/** Plans and creates one stage for batches of `input`, with virtual time and seeded chance. */
export function createStage<In extends Fields>(
  component: StageComponent<In, Fields>,
  input: Schema<In>,
  {
    outside = {},
    state,
    signal = new AbortController().signal,
  }: {
    outside?: Partial<Outside>;
    state?: JsonValue | undefined;
    signal?: AbortSignal;
  } = {},
): TestedStage {
  const { spec } = component.definition;
  const options = spec.options(z).parse(component.options) as never;
  const output = spec.output(input, options);
  const tally = new Tally();
  const context = {
    clock: new VirtualClock(),
    random: seededRandom('test'),
    ...outside,
    id: spec.name,
    log: silentLogger,
    signal,
    batchLimits: defaultSettings.batch,
    call: (attempt, signal) => attempt(signal),
    input,
    output,
    report: tally,
    watermark: (cut) =>
      cut.watermarks.size === 0 ? -Infinity : cut.watermarkOf(cut.watermarks.keys()),
  } as StageContext;
  const instance = spec.create(options, context);
  if (typeof instance !== 'function' && !isStage(instance))
    assertMade(spec.name, 'stage', instance);
  const stateful = typeof instance === 'function' ? undefined : instance;
  if (state !== undefined) stateful?.restore?.(state);

  const run = async (flows: Iterable<Flow>): Promise<Flow[]> => {
    if (isStage(instance)) return Array.fromAsync(instance.transform(fromIterable(flows)));
    const process = typeof instance === 'function' ? instance : instance.process;
    const results: Flow[] = [];
    for (const flow of flows) {
      if (isCut(flow)) {
        results.push(flow);
        continue;
      }
      const result = await process(flow, context.signal);
      const batches =
        result instanceof Batch ? [result] : Object.values(result as Record<string, Batch>);
      results.push(...batches);
      if (!batches.includes(flow)) flow.release();
    }
    return results;
  };
  return {
    instance,
    output,
    tally,
    run,
    async rows(records) {
      const flows = await run([Batch.from(records as never, input)]);
      return flows.flatMap((flow) => (isCut(flow) ? [] : flow.toRows()));
    },
    snapshot: () => stateful?.snapshot?.() ?? null,
  };
}

async function* fromIterable(flows: Iterable<Flow>): AsyncGenerator<Flow> {
  yield* flows;
}
