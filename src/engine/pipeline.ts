import type { Fields, RecordOf } from '../batch/index.ts';
import { defineSink, type SinkComponent, type SinkConnector } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import type { RunReport } from '../observe/snapshot.ts';
import type { PipelineDescription, SinkNode } from './description.ts';
import { freeId } from './draft.ts';
import { type Hand, PipelineBatches } from './pipeline/batches.ts';
import { PipelineRecords } from './pipeline/records.ts';
import type { Plan } from './planned.ts';
import { ValidationError } from './problem.ts';
import type { Run, RunOptions } from './run/options.ts';
import { beginRun } from './run.ts';

/**
 * A pipeline that was checked whole, to be run as often as one likes, once at a time. An async
 * iterable of frozen plain records: each iteration is a run, which waits for whoever iterates, and
 * ends when the loop is left. With a sink, they come after it took them.
 */
export class Pipeline<F extends Fields = Fields> implements AsyncIterable<RecordOf<F>> {
  readonly #description: PipelineDescription;
  readonly #plan: Plan;
  /** The sink whose records are those of this type. */
  readonly #read: string | undefined;
  /** Whether a run of it is at work. */
  #isRunning = false;

  constructor(description: PipelineDescription, plan: Plan, read: string | undefined) {
    this.#description = description;
    this.#plan = plan;
    this.#read = read;
  }

  /** The pipeline as data. */
  describe(): PipelineDescription {
    return this.#description;
  }

  /** Starts it. Throws `ERR_RUN_ACTIVE` where it runs already; without a sink, a `ValidationError`. */
  start(options?: RunOptions): Run {
    const { name, sinks } = this.#description;
    if (sinks.length === 0) {
      const text = 'the pipeline has no sink; give it one, or iterate over its records';
      throw new ValidationError(name, [{ kind: 'topology', path: [], text }]);
    }
    return this.#start(this.#plan, options);
  }

  /** Runs it to its end and reports. Rejects when it failed. */
  async run(options?: RunOptions): Promise<RunReport> {
    return this.start(options).done;
  }

  /**
   * Its batches, each held for whoever asked until that releases it. To leave the loop, `return` or
   * `await using` ends the run and closes everything. Throws a `ValidationError` where no required
   * sink takes what flows at the point at which the pipeline was built.
   */
  batches(): PipelineBatches<F> {
    const { sinks } = this.#plan;
    if (this.#read === undefined) {
      const text = `no required sink takes what flows where this was built; ${goOn}`;
      throw new ValidationError(this.#plan.name, [{ kind: 'topology', path: [], text }]);
    }
    return new PipelineBatches((hand: Hand) => {
      const read = sinks.map((sink) => (sink.node.id === this.#read ? { ...sink, hand } : sink));
      return this.#start({ ...this.#plan, sinks: read });
    });
  }

  [Symbol.asyncIterator](): PipelineRecords<F> {
    return new PipelineRecords(this.batches());
  }

  #start(plan: Plan, options?: RunOptions): Run {
    if (this.#isRunning) {
      throw new PipelineError({
        code: 'ERR_RUN_ACTIVE',
        place: plan.name,
        fact: 'a run of this pipeline is at work',
        remedy: 'wait for its end, or build another pipeline',
      });
    }
    const run = beginRun(plan, options, () => {
      this.#isRunning = false;
    });
    this.#isRunning = true;
    return run;
  }
}

const goOn = 'to iterate, go on from what the last step gave, and build that';

/**
 * The sink to iterate over: at a place, which is a flow or a sink, the last required one that is it or
 * takes from it; without one, the last required one of all.
 */
export function sinkRead(
  sinks: readonly SinkNode[],
  place: string | undefined,
): string | undefined {
  const isRead = ({ id, from, required }: SinkNode): boolean =>
    required !== false && (place === undefined || id === place || from.includes(place));
  return sinks.findLast(isRead)?.id;
}

/** The description with a sink that only hands on what it is given, where it has none. */
export function withRecordsRead(
  description: PipelineDescription,
  end: string | undefined,
): PipelineDescription {
  const { sources, stages, sinks, deadLetters } = description;
  if (sinks.length > 0 || end === undefined) return description;
  const others = deadLetters === undefined ? [] : [deadLetters];
  const taken = new Set([...sources, ...stages, ...others].map(({ id }) => id));
  const path = ['sinks', 0];
  const id = freeId('records', taken);
  const sink: SinkNode = { id, component: recordsSink({}), path, at: path, from: [end] };
  return { ...description, sinks: [sink] };
}

const nothing = (): Promise<void> => Promise.resolve();
const idle: SinkConnector = { open: nothing, write: nothing, commit: nothing, close: nothing };

const recordsSink = defineSink<(options: object) => SinkComponent, object>({
  name: 'records',
  summary: 'Hand records to whoever iterates over the pipeline.',
  options: (z) => z.strictObject({}),
  example: {},
  create: () => idle,
});
