import type * as zod from 'zod';

/** A JSON Schema as zod writes it. */
export type JsonSchema = zod.core.JSONSchema.BaseSchema;

export type JsonSchemaVersion = 'draft-7' | 'draft-2020-12';

/** The JSON Schema of what a zod schema takes. */
export function toJsonSchema(
  z: typeof zod,
  type: zod.ZodType,
  target: JsonSchemaVersion,
  reused: 'ref' | 'inline',
): JsonSchema {
  // A type of its own says itself what it is in JSON; one that does not may be anything.
  return z.toJSONSchema(type, { target, reused, io: 'input', unrepresentable: 'any' });
}

/** One option of a component, as documents show it. */
export interface OptionDescription {
  /** `<name>` where the option is a map whose names all take the same, `<item>` where it is a list. */
  readonly name: string;
  /** What it takes: `number from 0`, `string[]`, `"min-max" | "z-score"`. */
  readonly kind: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly description: string;
  /** What stands within it. */
  readonly options?: readonly OptionDescription[];
}

/** The options that a JSON Schema describes, in order. */
export function optionsOf(schema: JsonSchema): OptionDescription[] {
  const required = new Set(schema.required);
  const named = Object.entries(schema.properties ?? {}).map(([name, property]) =>
    optionOf(name, property as JsonSchema, required.has(name)),
  );
  const { additionalProperties: each, items: item, description = '' } = schema;
  if (isMap(each)) return [...named, optionOf('<name>', { description, ...each }, true)];
  if (isMap(item)) return [...named, optionOf('<item>', { description, ...item }, true)];
  return named;
}

function isMap(schema: unknown): schema is JsonSchema {
  return typeof schema === 'object' && (schema as JsonSchema).properties !== undefined;
}

function optionOf(name: string, schema: JsonSchema, required: boolean): OptionDescription {
  const inner = optionsOf(schema);
  return {
    name,
    kind: kindOf(schema),
    required,
    ...(schema.default !== undefined && { default: schema.default }),
    description: schema.description ?? '',
    ...(inner.length > 0 && { options: inner }),
  };
}

function kindOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return choices(schema.enum);
  const several = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (several !== undefined) {
    return [...new Set(several.map((one) => kindOf(one as JsonSchema)))].join(' | ');
  }
  // Nothing in a file is what such an option takes.
  if (schema.not !== undefined) return 'function';
  if (schema.type === 'array') return listKind(schema);
  if (schema.type === 'object') return mapKind(schema);
  if (schema.type === 'number' || schema.type === 'integer') return schema.type + bounds(schema);
  const { minLength, maxLength, type } = schema;
  const isExact = minLength !== undefined && minLength === maxLength;
  if (isExact) return `string of ${minLength} character${minLength === 1 ? '' : 's'}`;
  return Array.isArray(type) ? type.join(' | ') : (type ?? 'any');
}

/** Every value; those that come with a `?` behind them as well, once. */
function choices(values: readonly unknown[]): string {
  const plain = values.filter((value) => !String(value).endsWith('?'));
  const areOptional = plain.length > 0 && plain.every((value) => values.includes(`${value}?`));
  const shown = (areOptional ? plain : values).map((value) => JSON.stringify(value)).join(' | ');
  return areOptional ? `${shown}, each also with "?"` : shown;
}

function listKind({ items }: JsonSchema): string {
  const kind = typeof items === 'object' && !Array.isArray(items) ? kindOf(items) : 'any';
  return kind.includes(' ') ? `(${kind})[]` : `${kind}[]`;
}

function mapKind({ additionalProperties: each }: JsonSchema): string {
  return typeof each === 'object' ? `map of ${kindOf(each)}` : 'map';
}

function bounds(schema: JsonSchema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const parts: string[] = [];
  // A whole number is within these anyway.
  if (isBound(minimum)) parts.push(`from ${minimum}`);
  if (isBound(exclusiveMinimum)) parts.push(`above ${exclusiveMinimum}`);
  if (isBound(maximum)) parts.push(`to ${maximum}`);
  if (isBound(exclusiveMaximum)) parts.push(`below ${exclusiveMaximum}`);
  return parts.map((part) => ` ${part}`).join('');
}

function isBound(limit: unknown): limit is number {
  return typeof limit === 'number' && Math.abs(limit) !== Number.MAX_SAFE_INTEGER;
}
