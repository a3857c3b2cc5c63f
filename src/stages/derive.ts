import type { RefinementCtx, ZodType } from 'zod';

import {
  type Column,
  type Fields,
  type FieldSpecs,
  type FieldType,
  type Kind,
  type ValueOf,
  type WithFields,
} from '../batch/index.ts';
import {
  type AnyRowValue,
  checkEach,
  checkValue,
  compileValue,
  defineStage,
  expression,
  fieldTypeOption,
  RowFailures,
  type RowValue,
  sensitiveOption,
  type StageComponent,
  type StageDefinition,
} from '../core/index.ts';

/** What a new field holds and what gives its value. */
export interface Derivation<F extends Fields, T extends FieldType> {
  readonly kind: T;
  readonly value: RowValue<F, ValueOf<T>>;
  /** Whether it is shown to nobody but an admin; what takes the place of such a field is so anyway. */
  readonly sensitive?: boolean;
}

/** Says the kind of a derived field: `float64((r) => r.value / 2)`; `.nullable` where null is allowed. */
export interface DerivedKind<K extends Kind> {
  <F extends Fields>(value: RowValue<F, ValueOf<K>>): Derivation<F, K>;
  nullable<F extends Fields>(value: RowValue<F, ValueOf<`${K}?`>>): Derivation<F, `${K}?`>;
}

function derivedKind<K extends Kind>(kind: K): DerivedKind<K> {
  const plain = (value: unknown): object => ({ kind, value });
  const nullable = (value: unknown): object => ({ kind: `${kind}?`, value });
  return Object.assign(plain, { nullable }) as DerivedKind<K>;
}

/** A derived float64 field. */
export const float64: DerivedKind<'float64'> = derivedKind('float64');
/** A derived int32 field. */
export const int32: DerivedKind<'int32'> = derivedKind('int32');
/** A derived int64 field. */
export const int64: DerivedKind<'int64'> = derivedKind('int64');
/** A derived timestamp field. */
export const timestamp: DerivedKind<'timestamp'> = derivedKind('timestamp');
/** A derived bool field. */
export const bool: DerivedKind<'bool'> = derivedKind('bool');
/** A derived category field. */
export const category: DerivedKind<'category'> = derivedKind('category');
/** A derived text field. */
export const text: DerivedKind<'text'> = derivedKind('text');
/** A derived bytes field. */
export const bytes: DerivedKind<'bytes'> = derivedKind('bytes');
/** A derived json field. */
export const json: DerivedKind<'json'> = derivedKind('json');

type Derive = <F extends Fields, A extends Fields>(fields: {
  readonly [N in keyof A]: Derivation<F, A[N]>;
}) => StageComponent<F, WithFields<F, A>>;

interface DerivedField {
  readonly kind: FieldType;
  readonly value: AnyRowValue;
  readonly sensitive?: boolean | undefined;
}

type DeriveOptions = Readonly<Record<string, DerivedField>>;

/**
 * Adds fields computed from each row as it came in, or replaces those of the same name. A function
 * that throws, or gives what its kind does not take, costs that row.
 */
export const derive: StageDefinition & Derive = defineStage<Derive, DeriveOptions>({
  name: 'derive',
  summary: 'Add fields computed from each row.',
  options: (z) => {
    const kind = fieldTypeOption(z).describe(
      'The kind of the field; with `?` where null is allowed.',
    );
    const value = expression(z, 'What gives its value.');
    const field = z.strictObject({ kind, value, sensitive: sensitiveOption(z) });
    const fields = z
      .record(z.string(), field)
      .refine((named) => Object.keys(named).length > 0, 'name at least one field')
      .describe('The new fields by name.');
    return z.preprocess(refuseWrapped, fields) as ZodType<DeriveOptions>;
  },
  example: { normalized: { kind: 'float64', value: '(value - 10) / 80' } },
  exampleCode: 'derive({ normalized: float64((row) => (row.value - 10) / 80) })',
  rows: 'same',
  keeps: () => 'nothing',
  changes: (fields) => Object.keys(fields),
  output: (input, fields) => {
    const output = input.with(typesOf(fields));
    checkEach(Object.entries(fields), ([name, { value }]) => {
      checkValue(value, input, output.field(name), name);
    });
    return output;
  },
  create: (fields, { input, output, report }) => {
    const failures = new RowFailures(report);
    const derived = Object.entries(fields).map(([name, { value }]) => ({
      index: output.indexOf(name),
      compute: compileValue(value, input, output.field(name), name),
    }));
    return (batch) => {
      failures.begin(batch);
      const columns: Column[] = [...batch.columns];
      for (const { index, compute } of derived) columns[index] = compute(batch, failures);
      return failures.leaveOut(batch.withColumns(output, columns));
    };
  },
});

/** Other stages name fields under `fields`: here that would be one more field. */
function refuseWrapped(options: unknown, context: RefinementCtx): unknown {
  const { fields, ...others } = (options ?? {}) as { readonly fields?: unknown };
  const isField = (value: object): boolean => 'kind' in value || 'value' in value;
  if (typeof fields !== 'object' || fields === null || isField(fields)) return options;
  if (Object.keys(others).length > 0) return options;
  context.addIssue('takes the new fields directly under its name; leave `fields` out');
  return options;
}

function typesOf(fields: DeriveOptions): FieldSpecs {
  const entries = Object.entries(fields);
  return Object.fromEntries(
    entries.map(([name, { kind, sensitive }]) => [name, { kind, sensitive }]),
  );
}
