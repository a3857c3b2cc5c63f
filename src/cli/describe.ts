import { stringify } from 'yaml';

import { nearest } from '../batch/nearest.ts';
import type { Definition } from '../core/index.ts';
import { exampleConfig, optionsSchema } from '../engine/config-schema.ts';
import { UsageError } from './failure.ts';
import { componentsOf } from './list.ts';
import { builtins } from '../pipeline.ts';
import { type OptionDescription, optionsOf } from '../core/option-description.ts';
import { widthOf } from './screen.ts';
import type { Terminal } from './terminal.ts';
import { wrapText } from './text.ts';

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
    found.map(async (definition) => {
      const { kind, spec } = definition;
      const { summary, details, example, exampleCode } = spec;
      const options = optionsOf(await optionsSchema(definition));
      return { kind, name, summary, details, options, example, exampleCode };
    }),
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
  const width = widthOf(terminal.out);
  const heading = (text: string): string => terminal.style('bold', text, terminal.out);
  const print = (lines: readonly string[]): void => {
    for (const line of lines) terminal.print(line);
  };
  terminal.print(`${heading(spec.name)} (${kind})`);
  print(wrapText(spec.summary, width, 0));
  if (spec.details !== undefined) print(wrapText(spec.details, width, 0));
  if (options.length > 0) {
    terminal.print('');
    terminal.print(heading('options'));
    print(optionLines(options, 2, width));
  }
  if (spec.example !== null) {
    terminal.print('');
    terminal.print(heading('example'));
    print(indented(stringify(exampleConfig(definition)).trimEnd()));
  }
  if (spec.exampleCode !== undefined) {
    terminal.print('');
    terminal.print(heading('example in TypeScript'));
    print(indented(spec.exampleCode));
  }
}

/** Each option, what it is for, and the options within it, as a tree like that of a file. */
function optionLines(
  options: readonly OptionDescription[],
  indent: number,
  width: number,
): string[] {
  return options.flatMap(
    ({ name, kind, required, default: value, description, options: inner }) => {
      const given = value === undefined ? '' : `, default ${JSON.stringify(value)}`;
      const head = `${name}: ${kind}${required ? ', required' : given}`;
      return [
        ...wrapText(head, width, indent, indent + 8),
        ...wrapText(description, width, indent + 4),
        ...optionLines(inner ?? [], indent + 2, width),
      ];
    },
  );
}

function indented(text: string): string[] {
  return text.split('\n').map((line) => `  ${line}`);
}
