import { match, ok, throws } from 'node:assert/strict';

import * as z from 'zod';

import type { Definition } from '../core/index.ts';

/** What holds of the description of any component. */
export type DescriptionCheck =
  | 'is summed up in one sentence'
  | 'has an example that its options take'
  | 'refuses an option that it does not know'
  | 'describes each option';

interface JsonSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

export const descriptionChecks: Readonly<
  Record<DescriptionCheck, (definition: Definition) => void>
> = {
  'is summed up in one sentence': ({ spec }) => match(spec.summary, /^[A-Z][^]*[^.]\.$/),

  'has an example that its options take': ({ spec }) => {
    if (spec.example !== null) spec.options(z).parse(spec.example);
  },

  'refuses an option that it does not know': ({ spec }) => {
    const { example } = spec;
    if (typeof example !== 'object' || example === null || Array.isArray(example)) return;
    const extended = { ...(example as object), 'no-such-option': 1 };
    throws(() => spec.options(z).parse(extended), 'an unknown option was taken in silence');
  },

  'describes each option': ({ spec }) => {
    const schema = z.toJSONSchema(spec.options(z), { io: 'input', unrepresentable: 'any' });
    for (const [name, option] of optionsOf(schema as JsonSchema)) {
      ok(option.description !== undefined, `the option \`${name}\` has no description`);
    }
  },
};

function optionsOf({
  properties = {},
  anyOf = [],
  allOf = [],
}: JsonSchema): [string, JsonSchema][] {
  return [...Object.entries(properties), ...[...anyOf, ...allOf].flatMap(optionsOf)];
}
