import type * as zod from 'zod';

import {
  ExpressionError,
  type ExpressionProblem,
  type SinkComponent,
  type SourceComponent,
  type StageComponent,
} from '../../core/index.ts';
import { type ErrorCode, isPipelineError, reasonOf } from '../../errors.ts';
import type { Path } from '../description.ts';
import { checkOptions, withoutWrong } from '../option-problems.ts';
import type { Problem, ProblemKind } from '../problem.ts';
import { eachOf, pathTo, pathToExpression } from './blame.ts';

const mendingRoundsMax = 4;

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
    const schema: zod.ZodType = spec.options(this.#zod);
    const { options } = component;
    const checked = checkOptions({ name: spec.name, schema, options, path });
    if ('value' in checked) return checked;
    this.list.push(...checked.problems);
    return undefined;
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
    const schema: zod.ZodType = spec.options(this.#zod);
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
