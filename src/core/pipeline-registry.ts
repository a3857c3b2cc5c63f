import { PipelineError } from '../errors.ts';
import type { Definition, SinkDefinition, SourceDefinition, StageDefinition } from './component.ts';
import {
  assertSummary,
  type ComponentDescription,
  type Described,
  type ParameterDescription,
} from './describe.ts';
import { alignColumns } from './plain-text.ts';

const namePattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/**
 * What a registry takes: what `defineSource` and its like gave, or a class that `@register` or
 * `defineClass` has described. The compiler cannot see what a decorator adds; `register` looks.
 */
export type Registrable = Definition | (abstract new (...given: never[]) => object);

/** Where a manifest goes. */
export interface PrintManifestOptions {
  /** Given the whole text, with a line feed at the end; standard output unless given. */
  readonly write?: ((text: string) => unknown) | undefined;
}

/**
 * The components that there are: what config files may name, and classes that describe themselves.
 * A connector's source and sink may share a name.
 */
export class PipelineRegistry {
  readonly #sources = new Map<string, SourceDefinition>();
  readonly #stages = new Map<string, StageDefinition>();
  readonly #sinks = new Map<string, SinkDefinition>();
  /** By kind and name. */
  readonly #all = new Map<string, Described>();

  /** Throws as `register` does. */
  constructor(components: Iterable<Registrable> = []) {
    for (const component of components) this.register(component);
  }

  /** The sources that config files may name. */
  get sources(): ReadonlyMap<string, SourceDefinition> {
    return this.#sources;
  }

  /** The stages that config files may name. */
  get stages(): ReadonlyMap<string, StageDefinition> {
    return this.#stages;
  }

  /** The sinks that config files may name. */
  get sinks(): ReadonlyMap<string, SinkDefinition> {
    return this.#sinks;
  }

  /** Adds a component. Throws where its name is malformed or taken, or it does not describe itself. */
  register(component: Registrable): this {
    if (!isDefinition(component)) {
      assertDescribed(component);
      const { stageType, className, summary } = component.describe();
      this.#add(stageType, className, summary, component);
      return this;
    }
    const { kind, spec } = component;
    if (!namePattern.test(spec.name)) {
      throw refused(spec.name, 'is not in kebab-case', 'name it like `moving-average`');
    }
    this.#add(kind, spec.name, spec.summary, component);
    const names = { source: this.#sources, stage: this.#stages, sink: this.#sinks }[kind];
    (names as Map<string, Definition>).set(spec.name, component);
    return this;
  }

  /** What every component says of itself: sources, stages, sinks, each in the order they came. */
  generateManifest(): ComponentDescription[] {
    const order = ['source', 'stage', 'sink'];
    return [...this.#all.values()]
      .map((component) => component.describe())
      .sort((a, b) => order.indexOf(a.stageType) - order.indexOf(b.stageType));
  }

  /** Prints the manifest: of each component its name, type, summary and a table of its parameters. */
  printManifest({ write = (text) => process.stdout.write(text) }: PrintManifestOptions = {}): void {
    write(manifestText(this.generateManifest()));
  }

  #add(kind: string, name: string, summary: unknown, component: Described): void {
    assertSummary(name, summary);
    const key = `${kind} ${name}`;
    if (this.#all.has(key)) {
      const fact = `is the name of two ${kind}s`;
      throw refused(name, fact, 'give each a name of its own, which minified code keeps');
    }
    this.#all.set(key, component);
  }
}

function isDefinition(component: Registrable): component is Definition {
  return typeof (component as Partial<Definition> | null)?.spec?.create === 'function';
}

function assertDescribed(component: object): asserts component is Described {
  // What a class inherits describes its parent.
  if (typeof component === 'function' && Object.hasOwn(component, 'describe')) return;
  const { name } = Object(component) as { readonly name?: unknown };
  const shown = typeof name === 'string' && name !== '' ? name : typeof component;
  const remedy = 'put `@register({ type, summary })` before the class, or give it to `defineClass`';
  throw refused(shown, 'does not describe itself', remedy);
}

function refused(name: string, fact: string, remedy: string): PipelineError {
  return new PipelineError({
    code: 'ERR_COMPONENT_INVALID',
    place: name,
    fact: `\`${name}\` ${fact}`,
    remedy,
  });
}

const headings = ['parameter', 'required', 'default', 'kind'];

/** A manifest as text: of each component its name, type and summary, and its parameters as a table. */
function manifestText(components: readonly ComponentDescription[]): string {
  const parts = components.map((component) => `${componentLines(component).join('\n')}\n`);
  return parts.join('\n');
}

function componentLines({
  className,
  stageType,
  summary,
  parameters,
  parametersUnknown,
}: ComponentDescription): string[] {
  const head = [`${printable(className)} (${stageType})`, `  ${printable(summary)}`];
  const isKnown = parametersUnknown === undefined;
  const why = isKnown ? '' : `not known: ${printable(parametersUnknown)}`;
  if (parameters.length === 0)
    return [...head, '', isKnown ? '  no parameters' : `  parameters ${why}`];
  const table = alignColumns([headings, ...parameters.map(cellsOf)]).map((line) => `  ${line}`);
  return [...head, '', ...table, ...(isKnown ? [] : ['', `  others ${why}`])];
}

function cellsOf({
  name,
  kind,
  default: given,
  hasDefault,
  required,
}: ParameterDescription): string[] {
  const shown = given === undefined ? 'computed' : JSON.stringify(given);
  return [name, required ? 'yes' : 'no', hasDefault ? shown : '', kind].map(printable);
}

/** A text that stays in its line and moves no cursor. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]+/gu, ' ');
}
