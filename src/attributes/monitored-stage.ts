import type { Fields } from '../batch/index.ts';
import { changedBy } from '../core/changed-by.ts';
import {
  type Clock,
  defineStage,
  isDescribed,
  isStage,
  type Stage,
  type StageComponent,
  type StageDefinition,
  type StageFigures,
} from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import { defineAudited } from './audited.ts';

/** Who changes the figures of a stage, in their logs. */
const author = 'engine';

/**
 * A stage under a name of its own, whose figures are audited attributes: the run that it is in sets
 * them once for each batch, and `getChangeLog` gives their history. Each run begins them anew, so it
 * stands in one run at a time, once. `In` and `Out`: the fields of the rows that come in and go out.
 */
export class MonitoredPipelineStage<
  In extends Fields = never,
  Out extends Fields = Fields,
> implements StageComponent<In, Out> {
  static {
    defineAudited(MonitoredPipelineStage, ['recordsProcessed', 'meanLatencyMs', 'errorCount']);
  }

  readonly kind = 'stage';
  /** What its id is made of, in a pipeline that gives it no other. */
  readonly name: string;
  readonly definition: StageDefinition;
  readonly options: unknown;
  /** Carries the types; never set. */
  declare readonly types?: (input: In) => Out;
  /** Rows that came in. */
  declare recordsProcessed: number;
  /** Milliseconds of work for a batch that came in, as a mean over the run; null before the first. */
  declare meanLatencyMs: number | null;
  /** Rows that failed, whatever became of them, and what the stage threw. */
  declare errorCount: number;

  /** Throws `ERR_COMPONENT_INVALID` where it is given no name, or no stage. */
  constructor(name: string, stage: StageComponent<In, Out> | Stage<In, Out>) {
    if (typeof name !== 'string' || name.trim() === '') {
      throw refused(
        'a monitored stage',
        'has no name',
        "write `new MonitoredPipelineStage('name', stage)`",
      );
    }
    const { definition, options } = describedOf(name, stage);
    this.name = name;
    this.definition = { ...definition, spec: { ...definition.spec, name } };
    this.options = options;
    this.recordsProcessed = 0;
    this.meanLatencyMs = null;
    this.errorCount = 0;
  }

  /** Sets what the run measured. For the engine. */
  takeFigures({ recordsProcessed, meanLatencyMs, errorCount }: StageFigures, clock: Clock): void {
    const set = (): void => {
      this.recordsProcessed = recordsProcessed;
      this.meanLatencyMs = meanLatencyMs;
      this.errorCount = errorCount;
    };
    changedBy(author, set, { clock });
  }
}

type Made = Pick<StageComponent, 'definition' | 'options'>;

/** What is monitored, as a described stage. */
function describedOf<In extends Fields, Out extends Fields>(
  name: string,
  stage: StageComponent<In, Out> | Stage<In, Out>,
): Made {
  const given: unknown = stage;
  if (given instanceof MonitoredPipelineStage) {
    throw refused(name, 'was given a stage that is monitored already', 'give the stage itself');
  }
  const isObject = (typeof given === 'object' && given !== null) || typeof given === 'function';
  if (isObject && isDescribed(stage) && stage.kind === 'stage') return stage;
  if (isStage(given)) return { definition: definitionOf(name, given), options: {} };
  const remedy = 'give what `threshold({ … })` and its like return, or an object with `transform`';
  throw refused(name, 'was given what is no stage', remedy);
}

/** The description of a stage that was written by hand. */
function definitionOf(name: string, stage: Stage): StageDefinition {
  return defineStage<(options: object) => StageComponent, object>({
    name,
    summary: 'A stage that was written by hand.',
    options: (z) => z.strictObject({}),
    example: {},
    rows: 'same',
    output: (input) => stage.output?.(input) ?? input,
    create: () => stage,
  });
}

function refused(place: string, fact: string, remedy: string): PipelineError {
  return new PipelineError({ code: 'ERR_COMPONENT_INVALID', place, fact, remedy });
}
