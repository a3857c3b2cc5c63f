import { createRequire } from 'node:module';
import type * as zod from 'zod';

import { PipelineError } from '../errors.ts';
import { type AttributeClass, jsonSchemaOf } from './attribute.ts';
import { withoutSecrets } from './mask.ts';
import { type OptionDescription, optionsOf, toJsonSchema } from './option-description.ts';

/** What a component can be in a pipeline. */
export type ComponentType = 'source' | 'stage' | 'sink';

/** One parameter of a component: an option of its schema, or a parameter of its constructor. */
export interface ParameterDescription {
  readonly name: string;
  /** What it takes: `number from 0`, `string[]`; `unknown` where nothing tells. */
  readonly kind: string;
  /** Its default, secrets as `[secret]`; left out where that is known only when the code runs. */
  readonly default?: unknown;
  readonly hasDefault: boolean;
  readonly required: boolean;
}

/** The parameters of a component, as far as they can be known. */
export interface ParameterList {
  readonly parameters: readonly ParameterDescription[];
  /** Why the parameters of the constructor are not known, where they are not. */
  readonly parametersUnknown?: string;
}

/** What a component says of itself: its entry in a manifest. */
export interface ComponentDescription extends ParameterList {
  /** The name of the class, or the one that config files use. */
  readonly className: string;
  readonly stageType: ComponentType;
  /** One sentence. */
  readonly summary: string;
}

/** What describes itself. */
export interface Described {
  /** Its entry in a manifest. */
  describe(): ComponentDescription;
}

/** Gives the schema of the options, made with the zod that it is handed. */
export type OptionsSchema = (z: typeof zod) => zod.ZodType;

/** The parameters that a schema of options names. Throws where there is none. */
export function parametersOfSchema(name: string, options: OptionsSchema): ParameterList {
  const z = loadZod();
  const made: unknown = options(z);
  if (!(made instanceof z.ZodType)) {
    throw new PipelineError({
      code: 'ERR_COMPONENT_INVALID',
      place: name,
      fact: `the \`options\` of \`${name}\` give no schema`,
      remedy: 'give a function of zod: `options: (z) => z.object({ … })`',
    });
  }
  const schema = toJsonSchema(z, made, 'draft-7', 'inline');
  const parameters = optionsOf(schema).map(parameterOf);
  if (parameters.length > 0 || schema.type === 'object') return { parameters };
  return { parameters, parametersUnknown: 'it is called with arguments that have no names' };
}

/**
 * The parameters of a class's constructor with what the rules of attributes of the same names say of
 * them, and all other attributes that have rules.
 */
export function withAttributes(component: AttributeClass, taken: ParameterList): ParameterList {
  const attributes = new Map(
    optionsOf(jsonSchemaOf(component)).map((option) => [option.name, parameterOf(option)]),
  );
  if (attributes.size === 0) return taken;
  const parameters = taken.parameters.map((parameter) => {
    const attribute = attributes.get(parameter.name);
    attributes.delete(parameter.name);
    if (attribute === undefined) return parameter;
    return attribute.hasDefault ? attribute : { ...parameter, kind: attribute.kind };
  });
  return { ...taken, parameters: [...parameters, ...attributes.values()] };
}

function parameterOf({
  name,
  kind,
  required,
  default: given,
}: OptionDescription): ParameterDescription {
  const hasDefault = given !== undefined;
  const value = hasDefault ? { default: withoutSecrets(name, given) } : {};
  return { name, kind, ...value, hasDefault, required };
}

/** Loaded when something is first described, and at once: a description waits for nothing. */
function loadZod(): typeof zod {
  const { fileURLToPath } = process.getBuiltinModule('node:url');
  // By its path, so that it is the same copy that `import` gives.
  const path = fileURLToPath(import.meta.resolve('zod'));
  return createRequire(import.meta.url)(path) as typeof zod;
}

/** Throws where a component has no summary. */
export function assertSummary(name: string, summary: unknown): void {
  if (typeof summary === 'string' && summary.trim() !== '') return;
  throw new PipelineError({
    code: 'ERR_COMPONENT_INVALID',
    place: name,
    fact: `\`${name}\` has no summary`,
    remedy: 'say in one sentence what it does: `summary: …`',
  });
}
