import type { Schema } from '../../batch/index.ts';
import { nearest } from '../../batch/nearest.ts';
import {
  ExpressionError,
  type ExpressionProblem,
  ExpressionSyntaxError,
  type StageComponent,
  type StageSpec,
} from '../../core/index.ts';
import { isPipelineError } from '../../errors.ts';
import type { StageNode } from '../description.ts';
import type { Port } from '../planned.ts';
import { eachOf } from './blame.ts';
import type { Ports } from './ports.ts';
import type { Problems } from './problems.ts';

/**
 * What can be said of the rows behind a stage with a problem: the fields that came in, and the
 * names in its options, which it may have added. Enough to find misspelt fields further on.
 */
interface Presumed {
  readonly schema: Schema;
  readonly named: ReadonlySet<string>;
  /** Whether these are the fields for certain, and no others. */
  readonly isKnown?: true;
}

/** What is known of the rows behind nodes with a problem. */
export class Presumptions {
  readonly #ports: Ports;
  readonly #problems: Problems;
  readonly #byNode = new Map<string, Presumed>();

  constructor(ports: Ports, problems: Problems) {
    this.#ports = ports;
    this.#problems = problems;
  }

  /** A node gives this schema, as far as can be told. */
  set(id: string, schema: Schema): void {
    this.#byNode.set(id, { schema, named: new Set() });
  }

  /** Goes on behind a stage that is not planned with what is known of its rows all the same. */
  presume(node: StageNode, spec?: StageSpec<never>, options?: { value: unknown }): void {
    const before = this.#before(node);
    if (before === undefined) return;
    const given = (node.component as Partial<StageComponent> | undefined)?.options;
    const keepsFields = spec?.keepsFields === true;
    const { schema: fields, named } = before;
    const behind = keepsFields ? { schema: fields, named } : alsoNaming(before, given);
    this.#byNode.set(node.id, behind);
    if (spec === undefined || options === undefined) return;
    try {
      const schema = spec.output(before.schema, options.value as never);
      if (!keepsFields) this.#byNode.set(node.id, { ...behind, schema });
    } catch (error) {
      for (const one of eachOf(error)) this.#refuse(one, node, before);
    }
  }

  /** What an option says wrongly for certain: a default in its place is no mistake of anybody. */
  #refuse(error: unknown, node: StageNode, before: Presumed): void {
    if (error instanceof ExpressionError) {
      const isCertain = ({ field }: ExpressionProblem): boolean =>
        before.isKnown === true ||
        error instanceof ExpressionSyntaxError ||
        (field !== undefined && isMisspelt(field, before));
      this.#problems.refusedExpression(error, node, error.problems.filter(isCertain));
      return;
    }
    if (!isPipelineError(error) || error.code !== 'ERR_BATCH_FIELD') return;
    const { options } = node.component as StageComponent;
    const isCertain =
      before.isKnown === true
        ? namesIn(options).includes(error.place)
        : isMisspelt(error.place, before);
    if (isCertain) this.#problems.refused(error, node, 'unknown-field');
  }

  #before({ from }: StageNode): Presumed | undefined {
    const known = from.map((reference) => this.#at(this.#ports.portOf(reference)));
    return known.find((presumed) => presumed !== undefined);
  }

  #at(port: Port): Presumed | undefined {
    const schema = this.#ports.schemaOf(port);
    if (schema === undefined) return this.#byNode.get(port.node);
    return { schema, named: new Set(), isKnown: true };
  }
}

/** Adds the names that options hold, as keys or as text. */
function alsoNaming({ schema, named }: Presumed, options: unknown): Presumed {
  return { schema, named: new Set([...named, ...namesIn(options)]) };
}

/** True for a name that is none of the fields but much like one. */
function isMisspelt(name: string, { schema, named }: Presumed): boolean {
  return !schema.has(name) && !named.has(name) && nearest(name, schema.names) !== undefined;
}

function namesIn(options: unknown): string[] {
  if (typeof options === 'string') return [options];
  if (typeof options !== 'object' || options === null) return [];
  const own = Array.isArray(options) ? [] : Object.keys(options);
  return [...own, ...Object.values(options).flatMap(namesIn)];
}
