import type { Batch } from '../batch/index.ts';
import {
  type Context,
  isSink,
  isSource,
  type Logger,
  type SinkComponent,
  type SourceComponent,
  type SourceConnector,
  type StageComponent,
  type StageInstance,
} from '../core/index.ts';
import { type ComponentKind, Observed } from './observed.ts';
import type { Plan, PlannedSink, PlannedSource, PlannedStage } from './plan.ts';
import { connectorOfSink, SinkWriter } from './sink-loop.ts';
import { connectorOf } from './source-loop.ts';
import type { StageNodeParts } from './stage-loop.ts';

export interface ComponentsParts {
  readonly plan: Plan;
  readonly log: Logger;
  /** Aborts when the run is stopped at once. */
  readonly signal: AbortSignal;
  readonly watch: ((sink: string, batch: Batch) => void) | undefined;
  readonly degraded: (id: string, reason: string | undefined) => void;
}

/** Creates the components of a plan, each behind its observer and with its own context. */
export class Components {
  /** Every component created so far, in that order. */
  readonly observed: Observed[] = [];
  readonly #parts: ComponentsParts;

  constructor(parts: ComponentsParts) {
    this.#parts = parts;
  }

  createSource(planned: PlannedSource): { observed: Observed; connector: SourceConnector } {
    const { node, options, output } = planned;
    const component = node.component!;
    const observed = this.#observe(planned, 'source');
    const source =
      'definition' in component
        ? component.definition.spec.create(options as never, {
            ...this.#contextOf(observed),
            clock: observed.clock,
            output,
            report: observed.tally,
          })
        : component;
    return { observed, connector: isSource(source) ? connectorOf(source) : source };
  }

  createStage(planned: PlannedStage): StageNodeParts {
    const { node, options, input, output } = planned;
    const component = node.component!;
    const observed = this.#observe(planned, 'stage');
    const context = { ...this.#contextOf(observed), input, output, report: observed.tally };
    const instance: StageInstance =
      'definition' in component
        ? (component as StageComponent).definition.spec.create(options as never, context)
        : component;
    return { planned, instance, observed };
  }

  createWriter(
    planned: PlannedSink,
    kind: 'sink' | 'dead-letters',
  ): { observed: Observed; writer: SinkWriter } {
    const { node, options, input } = planned;
    const { signal, degraded, watch, plan } = this.#parts;
    const component = node.component!;
    const observed = this.#observe(planned, kind);
    const context = { ...this.#contextOf(observed), input, report: observed.tally };
    const sink =
      'definition' in component
        ? (component as SinkComponent).definition.spec.create(options as never, context)
        : component;
    const writer = new SinkWriter({
      planned,
      connector: isSink(sink) ? connectorOfSink(sink, node.id) : sink,
      observed,
      clock: plan.outside.clock,
      degraded,
      watch: kind === 'sink' ? watch : undefined,
      signal,
    });
    return { observed, writer };
  }

  #observe({ node }: PlannedSource | PlannedStage | PlannedSink, kind: ComponentKind): Observed {
    const component = node.component as Partial<SourceComponent | StageComponent | SinkComponent>;
    const name = component.definition?.spec.name ?? node.id;
    const { log, plan } = this.#parts;
    const observed = new Observed(node.id, name, kind, log, plan.outside.clock);
    this.observed.push(observed);
    return observed;
  }

  #contextOf(observed: Observed): Context {
    const { plan, signal } = this.#parts;
    const { clock, random, files, network } = plan.outside;
    return {
      clock,
      random: random.fork(observed.id),
      files,
      network,
      id: observed.id,
      log: observed.log,
      signal,
      batchLimits: plan.settings.batch,
    };
  }
}
