import { nearest } from '../../batch/nearest.ts';
import type { Definition, PipelineRegistry } from '../../core/index.ts';
import type { Path } from '../description.ts';
import type { Problem, ProblemKind } from '../problem.ts';
import { type ConfigMap, configMap, type ConfigValue, isConfigMap } from './document.ts';
import { suggestion } from './keys.ts';

/** A component as a config names it: `threshold: { … }`, or its bare name. */
export interface Entry {
  readonly name: string;
  /** Undefined where the name is unknown. */
  readonly definition: Definition | undefined;
  /** True where the name is (also) that of a source. */
  readonly isSource: boolean;
  readonly options: ConfigValue;
  /** Where its options stand. */
  readonly path: Path;
  /** Where the entry stands. */
  readonly at: Path;
  /** The keys beside the component: `id`, `from`, `required`. */
  readonly placement: ConfigMap;
}

type Kind = Definition['kind'];

/** The keys that an entry of each kind may have beside its component. */
export const placementKeys: Readonly<Record<Kind, readonly string[]>> = {
  source: ['id', 'eventTime', 'resilience'],
  stage: ['id', 'from', 'resilience'],
  sink: ['id', 'from', 'required', 'overflow', 'resilience'],
};

/** Finds the components that a config names, and everything wrong with how it names them. */
export class EntryReader {
  readonly problems: Problem[];
  readonly #registry: PipelineRegistry;

  constructor(registry: PipelineRegistry, problems: Problem[]) {
    this.#registry = registry;
    this.problems = problems;
  }

  problem(kind: ProblemKind, path: Path, text: string): void {
    this.problems.push({ kind, path, text });
  }

  /** Reads one entry. What names no component that is known has no definition, and a problem. */
  read(kind: Kind, value: ConfigValue, at: Path): Entry {
    if (typeof value === 'string') {
      return this.#entry(kind, value, configMap(), at, at, configMap());
    }
    if (!isConfigMap(value)) {
      this.problem('invalid-option', at, `a ${kind} is written \`name: { …options }\``);
      return unnamed(kind, at, configMap());
    }
    const placement = configMap();
    const names: string[] = [];
    for (const [key, item] of Object.entries(value)) {
      if (placementKeys[kind].includes(key)) placement[key] = item;
      else names.push(key);
    }
    const name = this.#pick(kind, names, at);
    if (name === undefined) return unnamed(kind, at, placement);
    return this.#entry(kind, name, value[name] ?? configMap(), [...at, name], at, placement);
  }

  /** The component of that name, of the kind if there is one. */
  find(kind: Kind, name: string): Definition | undefined {
    const { sources, stages, sinks } = this.#registry;
    const own = { source: sources, stage: stages, sink: sinks }[kind].get(name);
    return own ?? stages.get(name) ?? sinks.get(name) ?? sources.get(name);
  }

  /** The entry as the source of its name, where its name is also that of a sink. */
  asSource(entry: Entry): Entry {
    return { ...entry, definition: this.#registry.sources.get(entry.name) };
  }

  #pick(kind: Kind, names: readonly string[], at: Path): string | undefined {
    const known = names.filter((name) => this.find(kind, name) !== undefined);
    const [name = names[0], another] = known;
    if (name === undefined) {
      const text = `no ${kind} is named here; ${this.#list(kind)}`;
      this.problem('missing-option', at, text);
      return undefined;
    }
    if (another !== undefined) this.#twoComponents(kind, name, another, at);
    for (const key of names) {
      if (key === name || known.includes(key)) continue;
      const keys = placementKeys[kind];
      const meant = nearest(key, [...keys, ...this.#names(kind)]);
      const hint = suggestion(key, meant === undefined ? keys : [meant], 'keys beside it');
      const text = `\`${key}\` is no key of a ${kind}, ${hint} (options of \`${name}\` stand under it, indented)`;
      this.problem('unknown-key', [...at, key], text);
    }
    return name;
  }

  #twoComponents(kind: Kind, name: string, another: string, at: Path): void {
    const text =
      kind === 'sink'
        ? `two sinks in a row: \`${name}\` and \`${another}\`; name each under \`sinks:\``
        : kind === 'source'
          ? `two sources in one: \`${name}\` and \`${another}\`; name each under \`sources:\``
          : `two components in one: \`${name}\` and \`${another}\`; begin each with \`- \``;
    this.problem('topology', [...at, another], text);
  }

  #entry(
    kind: Kind,
    name: string,
    options: ConfigValue,
    path: Path,
    at: Path,
    placement: ConfigMap,
  ): Entry {
    const definition = this.find(kind, name);
    if (definition === undefined) {
      const known = this.#names(kind);
      const text = `unknown ${kind} \`${name}\`, ${suggestion(name, known, `${kind}s`)}`;
      this.problem('unknown-component', path, text);
    }
    const isSource = this.#registry.sources.has(name);
    return { name, definition, isSource, options, path, at, placement };
  }

  #list(kind: Kind): string {
    return `${kind}s: ${this.#names(kind).join(', ')}`;
  }

  #names(kind: Kind): string[] {
    const { sources, stages, sinks } = this.#registry;
    return [...{ source: sources, stage: stages, sink: sinks }[kind].keys()].sort();
  }
}

function unnamed(kind: Kind, at: Path, placement: ConfigMap): Entry {
  return {
    name: kind,
    definition: undefined,
    isSource: false,
    options: null,
    path: at,
    at,
    placement,
  };
}
