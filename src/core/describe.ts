import { createRequire } from 'node:module';
import type * as zod from 'zod';

import { PipelineError } from '../errors.ts';
import { withoutSecrets } from './mask.ts';
import { type OptionDescription, optionsOf, toJsonSchema } from './option-description.ts';

/** What a component can be in a pipeline. */
export type ComponentType = 'source' | 'stage' | 'sink';

/** One parameter of a component: an option of its schema, or a parameter of its constructor. */
export interface ParameterDescription {
  /** Of one within another: `retry.attemptsMax`. */
  readonly name: string;
  /** What it is for, where that is said. */
  readonly description?: string;
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
  const parameters = parametersOf(optionsOf(schema));
  if (parameters.length > 0 || schema.type === 'object') return { parameters };
  return { parameters, parametersUnknown: 'it is called with arguments that have no names' };
}

/** Options, and those within them, as parameters. */
export function parametersOf(
  options: readonly OptionDescription[],
  within = '',
): ParameterDescription[] {
  return options.flatMap(
    ({ name, kind, required, default: given, description, options: inner }) => {
      const hasDefault = given !== undefined;
      const parameter = {
        name: within + name,
        ...(description !== '' && { description }),
        kind,
        ...(hasDefault && { default: withoutSecrets(name, given) }),
        hasDefault,
        required,
      };
      return [parameter, ...parametersOf(inner ?? [], `${within}${name}.`)];
    },
  );
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
