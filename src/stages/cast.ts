import {
  type Column,
  type Fields,
  type FieldType,
  type Kind,
  type WithFields,
} from '../batch/index.ts';
import {
  type ColumnFill,
  checkEach,
  createColumnFill,
  defineStage,
  kindOption,
  RowFailures,
  type StageComponent,
  type StageDefinition,
  type UnknownFields,
} from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import { type CastFailure, castOf, type CastValue } from './cast/rules.ts';

/** The type of a field of type `T` after a cast to kind `K`. */
type CastTo<T, K extends Kind, E> = E extends 'null'
  ? `${K}?`
  : T extends `${string}?`
    ? `${K}?`
    : K;

/** `F` with the kinds that `M` gives. */
export type CastFields<F extends Fields, M, E> = WithFields<
  F,
  { readonly [N in keyof M & keyof F]: M[N] extends Kind ? CastTo<F[N], M[N], E> : F[N] }
>;

/** Which fields `cast` changes, and what it does where it cannot. */
export interface CastOptions<M, E> {
  /** The new kind of each field. A field stays nullable if it is. */
  readonly fields: M;
  /** What becomes of a row with a value that cannot be cast. `fail-row` unless given. */
  readonly onError?: E;
}

type Cast = <
  F extends Fields,
  const M extends { readonly [N in keyof F]?: Kind },
  const E extends 'fail-row' | 'null' = 'fail-row',
>(
  options: CastOptions<M & UnknownFields<F, M>, E>,
) => StageComponent<F, CastFields<F, M, E>>;

interface ParsedOptions {
  readonly fields: Readonly<Record<string, Kind>>;
  readonly onError: 'fail-row' | 'null';
}

/**
 * Gives fields other kinds, by exact rules: a cast never rounds, cuts or guesses. A value that the
 * kind cannot hold (`cast.range`) or whose text is none of it (`cast.syntax`) costs its row, or
 * becomes null.
 */
export const cast: StageDefinition & Cast = defineStage<Cast, ParsedOptions>({
  name: 'cast',
  summary: 'Give fields other kinds, exactly or not at all.',
  options: (z) =>
    z.strictObject({
      fields: z.record(z.string(), kindOption(z)).describe('The new kind of each field.'),
      onError: z
        .enum(['fail-row', 'null'])
        .describe('What a value that cannot be cast costs: its row, or only itself.')
        .default('fail-row'),
    }),
  example: { fields: { value: 'float64', flags: 'int32' } },
  rows: 'same',
  keeps: () => 'nothing',
  changes: ({ fields }) => Object.keys(fields),
  output: (input, { fields, onError }) => {
    checkEach(Object.entries(fields), ([name, to]) => {
      const { kind } = input.field(name);
      if (castOf(kind, to) === undefined) throw impossible(name, kind, to);
    });
    const types = Object.entries(fields).map(([name, to]): [string, FieldType] => {
      const nullable = input.field(name).nullable || onError === 'null';
      return [name, nullable ? `${to}?` : to];
    });
    return input.with(Object.fromEntries(types));
  },
  create: ({ fields, onError }, { input, output, report }) => {
    const failures = new RowFailures(report);
    const casts = Object.entries(fields).map(([name, to]) => ({
      index: input.indexOf(name),
      name,
      convert: castOf(input.field(name).kind, to)!,
      misfits: {
        'cast.syntax': cannotCast(name, `the text of \`${name}\` is no value of its new kind`),
        'cast.range': cannotCast(name, `the new kind of \`${name}\` cannot hold the value exactly`),
      },
      fill: createColumnFill(output.field(name)),
    }));
    return (batch) => {
      failures.begin(batch);
      const columns: Column[] = [...batch.columns];
      for (const { index, convert, misfits, fill } of casts) {
        const failed = (row: number, failure: CastFailure): void => {
          if (onError === 'null') fill.put(row, null);
          else failures.add(row, failure, misfits[failure]);
        };
        fill.begin(batch.rowsStored);
        castColumn(columns[index]!, batch.rows, batch.length, convert, fill, failed);
        columns[index] = fill.finish();
      }
      return failures.leaveOut(batch.withColumns(output, columns));
    };
  },
});

function castColumn(
  column: Column,
  rows: Uint32Array,
  length: number,
  convert: CastValue,
  fill: ColumnFill,
  failed: (row: number, failure: CastFailure) => void,
): void {
  for (let at = 0; at < length; at++) {
    const row = rows[at]!;
    const value = column.value(row);
    if (value === null && column.isNull(row)) {
      fill.put(row, null);
      continue;
    }
    const converted = convert(value as never);
    if (converted === undefined) failed(row, 'cast.syntax');
    else if (!fill.put(row, converted)) failed(row, 'cast.range');
  }
}

function impossible(name: string, from: Kind, to: Kind): PipelineError {
  return new PipelineError({
    code: 'ERR_BATCH_SCHEMA',
    place: name,
    fact: `field \`${name}\` is ${from}, which cannot be cast to ${to}`,
    remedy: 'see the table of casts, or compute it with `derive`',
  });
}

/** One for all rows: of many that fail, finding out where each was would take longer than all else. */
function cannotCast(place: string, fact: string): PipelineError {
  return new PipelineError({ code: 'ERR_BATCH_VALUE', place, fact });
}
