import { PipelineError } from '../errors.ts';
import { listNames } from './list-names.ts';
import { nearest } from './nearest.ts';

/** What a field holds. `timestamp` is float64 milliseconds since 1970; `json` is any JSON value. */
export const kinds = [
  'float64',
  'int32',
  'int64',
  'timestamp',
  'bool',
  'category',
  'text',
  'bytes',
  'json',
] as const;

/** One of `kinds`. */
export type Kind = (typeof kinds)[number];

/** A kind as written in a schema: `float64`, or `float64?` where null is allowed. */
export type FieldType = Kind | `${Kind}?`;

/** Field names and their types, in order. */
export type Fields = Readonly<Record<string, FieldType>>;

/** A field as a schema is written: its type, or that with whether its values are for an admin only. */
export type FieldSpec =
  FieldType | { readonly kind: FieldType; readonly sensitive?: boolean | undefined };

/** Fields as a schema is written. */
export type FieldSpecs = Readonly<Record<string, FieldSpec>>;

/** The names and types of fields as they are written. */
export type FieldsOf<S extends FieldSpecs> = {
  readonly [N in keyof S]: S[N] extends { readonly kind: infer T extends FieldType }
    ? T
    : Extract<S[N], FieldType>;
};

/** What JSON can hold. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

interface ValueOfKind {
  float64: number;
  int32: number;
  int64: bigint;
  timestamp: number;
  bool: boolean;
  category: string;
  text: string;
  bytes: Uint8Array;
  json: JsonValue;
}

/** The TypeScript type of one field's value. */
export type ValueOf<T extends FieldType> = T extends `${infer K extends Kind}?`
  ? ValueOfKind[K] | null
  : T extends Kind
    ? ValueOfKind[T]
    : never;

type Simplify<T> = { [K in keyof T]: T[K] } & {};

/** The record type that a set of fields describes. */
export type RecordOf<F extends Fields> = Simplify<{ readonly [N in keyof F]: ValueOf<F[N]> }>;

/** The names of the fields of `F` whose type is one of `T`, nullable or not; any name of unknown `F`. */
export type FieldOf<F extends Fields, T extends Kind> = string extends keyof F
  ? string
  : { [N in keyof F & string]: F[N] extends T | `${T}?` ? N : never }[keyof F & string];

/** The names of the fields that hold plain numbers. */
export type NumericField<F extends Fields> = FieldOf<F, 'float64' | 'int32' | 'timestamp'>;

/** `F` with the fields of `A` added, or replaced where the name is taken. */
export type WithFields<F extends Fields, A extends Fields> = Simplify<Omit<F, keyof A> & A>;

/** One field of a schema. */
export interface Field {
  readonly name: string;
  readonly kind: Kind;
  /** Whether its values may be null. */
  readonly nullable: boolean;
  /** Whether its values are shown to nobody but an admin; not there where they are no secret. */
  readonly sensitive?: true;
}

/** Field names and kinds, in order. Immutable; equal schemas compare equal with `equals`. */
export class Schema<F extends Fields = Fields> {
  readonly fields: readonly Field[];
  readonly #positions: ReadonlyMap<string, number>;
  /** Made once: a source compares the schema of every batch by it. */
  #text: string | undefined;
  /** Carries the record type; never set. */
  declare readonly shape: F;

  constructor(fields: readonly Field[]) {
    const positions = new Map<string, number>();
    for (const [index, field] of fields.entries()) {
      if (positions.has(field.name)) {
        throw schemaError(`field \`${field.name}\` is named twice`, 'give each field its own name');
      }
      positions.set(field.name, index);
    }
    this.fields = Object.freeze(fields.map((field) => Object.freeze({ ...field })));
    this.#positions = positions;
  }

  /** The names of the fields, in order. */
  get names(): string[] {
    return this.fields.map((field) => field.name);
  }

  /** Whether there is a field of that name. */
  has(name: string): boolean {
    return this.#positions.has(name);
  }

  /** The place of a field, or −1. */
  indexOf(name: string): number {
    return this.#positions.get(name) ?? -1;
  }

  /** The field of that name. Throws `ERR_BATCH_FIELD` where there is none. */
  field(name: string): Field {
    const field = this.fields[this.indexOf(name)];
    if (field === undefined) {
      throw new PipelineError({
        code: 'ERR_BATCH_FIELD',
        place: name,
        fact: `field \`${name}\` does not exist here`,
        remedy: this.choice(name),
      });
    }
    return field;
  }

  /** The fields there are, and the one that a mistaken name may mean, for messages. */
  choice(name: string): string {
    const meant = nearest(name, this.names);
    const hint = meant === undefined ? '' : `, did you mean \`${meant}\`?`;
    return `fields: ${listNames(this.names)}${hint}`;
  }

  /**
   * This schema with fields added at the end, or replaced in place where the name is taken. What takes
   * the place of a sensitive field is sensitive, and all of them where they are made of one: `of`.
   */
  with<A extends Fields>(added: A, of?: string): Schema<WithFields<F, A>>;
  with<A extends FieldSpecs>(added: A, of?: string): Schema<WithFields<F, FieldsOf<A>>>;
  with(added: FieldSpecs, of?: string): Schema {
    const fields = [...this.fields];
    const isOfSensitive = of !== undefined && this.field(of).sensitive === true;
    for (const field of parseFields(added)) {
      const at = this.indexOf(field.name);
      const before = fields[at];
      const isSensitive = isOfSensitive || before?.sensitive === true;
      fields[before === undefined ? fields.length : at] = isSensitive ? hidden(field) : field;
    }
    return new Schema(fields);
  }

  /** This schema, with each field sensitive that is so in any of the others, which equal it. */
  mergedWith(others: readonly Schema[]): Schema<F> {
    const isOpen = ({ name, sensitive }: Field): boolean =>
      sensitive === true || others.every((other) => other.field(name).sensitive !== true);
    if (this.fields.every(isOpen)) return this;
    return new Schema(this.fields.map((field) => (isOpen(field) ? field : hidden(field))));
  }

  /** The named fields only, in the order given. */
  pick(names: readonly string[]): Schema {
    return new Schema(names.map((name) => this.field(name)));
  }

  /** Whether names, kinds and their order are the same; who may see the values is no matter. */
  equals(other: Schema): boolean {
    return this === other || this.toString() === other.toString();
  }

  /** The schema as it is written in code and config: `{ value: 'float64?' }`. */
  toJSON(): Record<string, FieldSpec> {
    const written = this.fields.map(({ name, kind, nullable, sensitive }) => {
      const type = nullable ? (`${kind}?` as const) : kind;
      return [name, sensitive === true ? { kind: type, sensitive } : type] as const;
    });
    return Object.fromEntries(written);
  }

  toString(): string {
    this.#text ??= `{ ${this.fields.map(fieldText).join(', ')} }`;
    return this.#text;
  }
}

/**
 * Describes records: `schema({ sensorId: 'category', value: 'float64', quality: 'float64?' })`. A field
 * whose values are for an admin only is written `{ kind: 'text', sensitive: true }`.
 */
export function schema<const F extends Fields>(fields: F): Schema<F>;
export function schema<const S extends FieldSpecs>(fields: S): Schema<FieldsOf<S>>;
export function schema(fields: FieldSpecs): Schema {
  return new Schema(parseFields(fields));
}

/** Reads `float64?` into its kind and nullability; undefined for anything else. */
export function parseFieldType(type: unknown): { kind: Kind; nullable: boolean } | undefined {
  if (typeof type !== 'string') return undefined;
  const nullable = type.endsWith('?');
  const kind = nullable ? type.slice(0, -1) : type;
  return (kinds as readonly string[]).includes(kind) ? { kind: kind as Kind, nullable } : undefined;
}

/** A field as it is written; undefined where it is not written so. */
export function parseField(name: string, spec: unknown): Field | undefined {
  if (typeof spec !== 'object' || spec === null) {
    const type = parseFieldType(spec);
    return type && { name, ...type };
  }
  const { kind, sensitive = false, ...others } = spec as Readonly<Record<string, unknown>>;
  const type = parseFieldType(kind);
  if (typeof sensitive !== 'boolean' || Object.keys(others).length > 0) return undefined;
  return type && { name, ...type, ...(sensitive && { sensitive }) };
}

function parseFields(fields: FieldSpecs): Field[] {
  return Object.entries(fields).map(([name, spec]) => {
    const field = parseField(name, spec);
    if (field !== undefined) return field;
    const isMap = typeof spec === 'object' && spec !== null;
    throw schemaError(
      `field \`${name}\` ${isMap ? 'is' : 'has the unknown kind'} \`${isMap ? JSON.stringify(spec) : String(spec)}\``,
      `kinds: ${kinds.join(', ')}, with ? where null is allowed; or { kind, sensitive: true }`,
    );
  });
}

function hidden(field: Field): Field {
  return { ...field, sensitive: true };
}

function fieldText({ name, kind, nullable }: Field): string {
  return `${JSON.stringify(name)}: ${kind}${nullable ? '?' : ''}`;
}

function schemaError(fact: string, remedy: string): PipelineError {
  return new PipelineError({ code: 'ERR_BATCH_SCHEMA', place: 'schema', fact, remedy });
}
