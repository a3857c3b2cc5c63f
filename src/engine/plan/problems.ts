import type * as zod from 'zod';

import {
  ExpressionError,
  fieldOfKind,
  type ExpressionProblem,
  type SinkComponent,
  type SourceComponent,
  type StageComponent,
} from '../../core/index.ts';
import { type ErrorCode, isPipelineError, reasonOf } from '../../errors.ts';
import { eventTimeShape } from '../config/event-time.ts';
import type { Path } from '../description.ts';
import type { EventTimeSettings } from '../event-time/row-times.ts';
import { checkOptions, withoutWrong } from '../option-problems.ts';
import type { PlannedSource } from '../planned.ts';
import type { Problem, ProblemKind } from '../problem.ts';
import { eachOf, pathTo, pathToExpression } from './blame.ts';

const mendingRoundsMax = 4;

/** By description. To make one takes longer than to check by it. */
const schemas = new WeakMap<object, zod.ZodType>();

type Spec = (SourceComponent | StageComponent | SinkComponent)['definition']['spec'];

interface Placed {
  readonly path: Path;
  readonly component: object | undefined;
}

/** The problems found so far with one description. */
export class Problems {
  readonly list: Problem[];
  readonly #zod: typeof zod;

  /** `found`: problems that reading the description already brought up. */
  constructor(found: readonly Problem[], z: typeof zod) {
    this.list = [...found];
    this.#zod = z;
  }

  add(kind: ProblemKind, path: Path, text: string): void {
    this.list.push({ kind, path, text });
  }

  /** The options with their defaults; undefined, with problems, where they do not fit. */
  parseOptions(
    component: SourceComponent | StageComponent | SinkComponent,
    path: Path,
  ): { value: unknown } | undefined {
    const { spec } = component.definition;
    const schema = this.#schemaOf(spec);
    const { options } = component;
    const checked = checkOptions({ name: spec.name, schema, options, path });
    if ('value' in checked) return checked;
    this.list.push(...checked.problems);
    return undefined;
  }

  #schemaOf(spec: Spec): zod.ZodType {
    const known = schemas.get(spec);
    if (known !== undefined) return known;
    const schema: zod.ZodType = spec.options(this.#zod);
    schemas.set(spec, schema);
    return schema;
  }

  /**
   * The options without those that are wrong, where the others make sense alone. For a stage also
   * where they do not: it is only asked what it says of them.
   */
  mendedOptions({
    kind,
    definition: { spec },
    options,
  }: SourceComponent | StageComponent | SinkComponent): { value: unknown } | undefined {
    // What a schema has to say of options together may follow from the one that is left out.
    const schema = this.#schemaOf(spec);
    const each = this.#zod.core.clone(schema, { ...schema._zod.def, checks: [] });
    let left = options;
    // Without one part, that which holds it may be wrong.
    for (let round = 0; round < mendingRoundsMax; round++) {
      const { success, data, error } = each.safeParse(left);
      if (success) return { value: data };
      left = withoutWrong(left, error.issues);
    }
    return kind === 'stage' ? { value: left } : undefined;
  }

  /** The event time of a source with its defaults; undefined, maybe with problems, where it has none. */
  parseEventTime({ node, output }: PlannedSource): EventTimeSettings | undefined {
    const { eventTime: options, at: path = node.path } = node;
    if (options === undefined) return undefined;
    const schema = eventTimeShape(this.#zod);
    const checked = checkOptions({ name: 'eventTime', schema, options, path });
    if ('problems' in checked) {
      this.list.push(...checked.problems);
      return undefined;
    }
    const settings = checked.value as EventTimeSettings;
    try {
      fieldOfKind(output, settings.field, ['timestamp']);
      return settings;
    } catch (error) {
      this.refused(error, { path, component: { options } }, 'schema-mismatch');
      return undefined;
    }
  }

  /** What a component threw at a description. `otherwise`: its kind where the error does not tell. */
  refused(error: unknown, placed: Placed, otherwise: ProblemKind): void {
    for (const one of eachOf(error)) {
      if (one instanceof ExpressionError) this.refusedExpression(one, placed, one.problems);
      else this.#refusedOne(one, placed, otherwise);
    }
  }

  /** What was said of files that options name, where other options are wrong. */
  refusedFiles(error: unknown, placed: Placed): void {
    for (const one of eachOf(error)) {
      const { code } = one as { readonly code?: unknown };
      if (code === 'ERR_CONNECTOR_FILE') this.#refusedOne(one, placed, 'input');
    }
  }

  /** Some of the problems of an expression. */
  refusedExpression(
    error: ExpressionError,
    placed: Placed,
    problems: readonly ExpressionProblem[],
  ): void {
    const options = (placed.component as Partial<StageComponent>).options;
    const path = [...placed.path, ...(pathToExpression(options, error) ?? [])];
    for (const problem of problems) {
      const kind = problem.field === undefined ? 'invalid-option' : 'unknown-field';
      this.list.push({ kind, path, text: error.tell(problem), at: problem.at });
    }
  }

  #refusedOne(error: unknown, { path, component }: Placed, otherwise: ProblemKind): void {
    if (!isPipelineError(error)) {
      this.add(otherwise, path, reasonOf(error));
      return;
    }
    const kindOf: Partial<Record<ErrorCode, ProblemKind>> = {
      ERR_BATCH_FIELD: 'unknown-field',
      ERR_CONFIG_INVALID: 'invalid-option',
      ERR_CONNECTOR_FILE: 'input',
      ERR_CONNECTOR_PROTOCOL: 'protocol',
    };
    let text = error.remedy === undefined ? error.fact : `${error.fact}; ${error.remedy}`;
    const isFile = error.code === 'ERR_CONNECTOR_FILE' || error.code === 'ERR_CODEC_FORMAT';
    if (isFile) text = `${error.place}: ${text}`;
    const options = (component as Partial<StageComponent>).options;
    const place = [...path, ...(pathTo(options, error.place) ?? [])];
    this.add(kindOf[error.code] ?? otherwise, place, text);
  }
}
