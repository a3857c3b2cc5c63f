import { stringify } from 'yaml';

import { nearest } from '../batch/nearest.ts';
import type { Definition } from '../core/index.ts';
import { exampleConfig, type JsonSchema, optionsSchema } from '../engine/config-schema.ts';
import { UsageError } from './failure.ts';
import { componentsOf } from './list.ts';
import { builtins } from '../pipeline.ts';
import type { Terminal } from './terminal.ts';
import { alignColumns } from './text.ts';

/** One option of a component, as documents show it. */
export interface OptionDescription {
  readonly name: string;
  /** What it takes: `number`, `string[]`, `'min-max' | 'z-score'`. */
  readonly kind: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly description: string;
}

/** Prints what a component does, its options and an example. A source and sink may share a name. */
export async function describeComponent(
  name: string,
  { json }: { readonly json?: boolean },
  terminal: Terminal,
): Promise<void> {
  const all = componentsOf(builtins());
  const found = all.filter(({ spec }) => spec.name === name);
  if (found.length === 0) {
    const names = [...new Set(all.map(({ spec }) => spec.name))];
    const meant = nearest(name, names);
    const way = meant === undefined ? 'see `millrace list`' : `did you mean \`${meant}\`?`;
    throw new UsageError(`there is no component \`${name}\`, ${way}`);
  }
  const described = await Promise.all(
    found.map(async (definition) => ({
      kind: definition.kind,
      name,
      summary: definition.spec.summary,
      options: optionsOf(await optionsSchema(definition)),
      example: definition.spec.example,
    })),
  );
  if (json) {
    terminal.printJson(described);
    return;
  }
  for (const [index, definition] of found.entries()) {
    if (index > 0) terminal.print('');
    printDescription(definition, described[index]!.options, terminal);
  }
}

function printDescription(
  definition: Definition,
  options: readonly OptionDescription[],
  terminal: Terminal,
): void {
  const { kind, spec } = definition;
  const heading = (text: string): string => terminal.style('bold', text, terminal.out);
  terminal.print(`${heading(spec.name)} (${kind})`);
  terminal.print(spec.summary);
  if (options.length > 0) {
    const rows = options.map((option) => {
      const given = option.default === undefined ? '' : JSON.stringify(option.default);
      return [
        `  ${option.name}`,
        option.kind,
        option.required ? 'required' : given,
        option.description,
      ];
    });
    const [head = '', ...lines] = alignColumns([['  option', 'kind', 'default', ''], ...rows]);
    terminal.print('');
    for (const line of [heading(head), ...lines]) terminal.print(line);
  }
  terminal.print('');
  terminal.print(heading('example'));
  for (const line of stringify(exampleConfig(definition)).trimEnd().split('\n')) {
    terminal.print(`  ${line}`);
  }
}

/** The options that a JSON Schema describes, in order. */
export function optionsOf(schema: JsonSchema): OptionDescription[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const option = property as JsonSchema;
    const described = { name, kind: kindOf(option, schema), required: required.has(name) };
    const description = option.description ?? '';
    return option.default === undefined
      ? { ...described, description }
      : { ...described, default: option.default, description };
  });
}

const choicesMax = 5;

function choices(values: readonly unknown[]): string {
  const shown = values.slice(0, choicesMax).map((value) => JSON.stringify(value));
  return [...shown, ...(values.length > choicesMax ? ['…'] : [])].join(' | ');
}

function kindOf(option: JsonSchema, root: JsonSchema): string {
  const { $ref } = option;
  if ($ref !== undefined) {
    const definitions = root['definitions'] as Record<string, JsonSchema> | undefined;
    const target = definitions?.[$ref.replace('#/definitions/', '')];
    return target === undefined ? 'any' : kindOf(target, root);
  }
  if (option.const !== undefined) return JSON.stringify(option.const);
  if (option.enum !== undefined) return choices(option.enum);
  const several = option.anyOf ?? option.oneOf ?? option.allOf;
  if (several !== undefined) {
    const kinds = several
      .filter((one) => (one as JsonSchema).not === undefined)
      .map((one) => kindOf(one as JsonSchema, root));
    return [...new Set(kinds)].join(' | ');
  }
  if (option.type === 'array') {
    const items = Array.isArray(option.items)
      ? undefined
      : (option.items as JsonSchema | undefined);
    const kind = items === undefined ? 'any' : kindOf(items, root);
    return kind.includes(' ') ? `(${kind})[]` : `${kind}[]`;
  }
  if (option.type === 'object' && typeof option.additionalProperties === 'object') {
    return `map of ${kindOf(option.additionalProperties as JsonSchema, root)}`;
  }
  return Array.isArray(option.type) ? option.type.join(' | ') : (option.type ?? 'any');
}
