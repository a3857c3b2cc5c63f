import type { Definition, PipelineRegistry } from '../core/index.ts';
import { alignColumns } from '../core/plain-text.ts';
import { builtins } from '../pipeline.ts';
import type { Terminal } from './terminal.ts';

/** Every component of a registry: sources, stages, sinks, each by name. */
export function componentsOf({ sources, stages, sinks }: PipelineRegistry): Definition[] {
  const byName = (a: Definition, b: Definition): number => (a.spec.name < b.spec.name ? -1 : 1);
  return [sources, stages, sinks].flatMap((definitions) =>
    [...(definitions as ReadonlyMap<string, Definition>).values()].sort(byName),
  );
}

/** Prints the components that config files may name; as JSON, their manifest. */
export function listComponents({ json }: { readonly json?: boolean }, terminal: Terminal): void {
  const registry = builtins();
  if (json) {
    terminal.printJson(registry.generateManifest());
    return;
  }
  const components = componentsOf(registry);
  const lines = alignColumns(components.map(({ spec }) => [`  ${spec.name}`, spec.summary]));
  let kind = '';
  for (const [index, component] of components.entries()) {
    if (component.kind !== kind) {
      if (kind !== '') terminal.print('');
      kind = component.kind;
      terminal.print(terminal.style('bold', `${kind}s`, terminal.out));
    }
    terminal.print(lines[index]!);
  }
}
