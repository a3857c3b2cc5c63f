import { basename, resolve } from 'node:path';
import type { ZodType } from 'zod';

import {
  deadLetterSchema,
  type Definition,
  type Outside,
  type PipelineRegistry,
  type SinkComponent,
  takesExpression,
} from '../core/index.ts';
import { isPipelineError } from '../errors.ts';
import { type ConfigMap, ConfigDocument, configLimits, isConfigMap } from './config/document.ts';
import { EntryReader, placementKeys } from './config/entries.ts';
import { configKeys, suggestion } from './config/keys.ts';
import { applyOverride, type Override } from './config/overrides.ts';
import { Policies } from './config/policies.ts';
import { resolveSecrets, Secrets } from './config/secrets.ts';
import { readSettings } from './config/settings.ts';
import { readTopology } from './config/topology.ts';
import type { Path, PipelineDescription } from './description.ts';
import { schemasAt } from './option-problems.ts';
import { planPipeline } from './plan.ts';
import type { Plan } from './planned.ts';
import { type Problem, ValidationError } from './problem.ts';

export { type Override, parseOverride } from './config/overrides.ts';
export { Secrets } from './config/secrets.ts';

export interface ConfigOptions {
  /** The components that the file may name. */
  readonly registry: PipelineRegistry;
  /** For paths in the config; relative ones are to begin at its directory. */
  readonly outside: Outside;
  /** Where `${env:NAME}` is looked up; nothing is set unless given. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Values that replace those of the file. */
  readonly overrides?: readonly Override[];
  /** Takes failed records where the file names no sink for them. */
  readonly deadLetters?: SinkComponent;
}

const namePattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;

/** A pipeline file that was read: what it describes, and what is wrong with it so far. */
export class PipelineConfig {
  /** As in messages. */
  readonly file: string;
  readonly description: PipelineDescription;
  readonly problems: readonly Problem[];
  /** The resolved `${env:}` and `${file:}` values of the file. */
  readonly secrets: Secrets;
  readonly #document: ConfigDocument;
  readonly #options: ConfigOptions;

  constructor(
    file: string,
    document: ConfigDocument,
    read: Pick<PipelineConfig, 'description' | 'problems' | 'secrets'>,
    options: ConfigOptions,
  ) {
    this.file = file;
    this.description = read.description;
    this.problems = read.problems;
    this.secrets = read.secrets;
    this.#document = document;
    this.#options = options;
  }

  /**
   * Checks the pipeline whole. Throws a `ValidationError` with every problem of the file and of
   * the pipeline that it describes, each with its place in the file. `signal` gives the plan up.
   */
  async plan({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Plan> {
    const { outside } = this.#options;
    try {
      return await planPipeline(this.description, {
        outside,
        found: this.problems,
        scrub: (text) => this.secrets.scrubWhole(text),
        deadLetterSchema,
        signal,
      });
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      throw this.#located(error.problems);
    }
  }

  #located(problems: readonly Problem[]): ValidationError {
    const located = problems
      .filter((problem) => !this.#followsFromSecret(problem))
      .map((problem) => this.#locate(problem));
    located.sort((a, b) => a.line! - b.line! || a.column! - b.column!);
    return new ValidationError(this.file, located);
  }

  // What is wrong with a text that still has its reference in it is no news.
  #followsFromSecret({ kind, path }: Problem): boolean {
    if (kind === 'secret') return false;
    return this.problems.some(
      (other) =>
        other.kind === 'secret' &&
        startsWith(other.path, path) &&
        (kind === 'input' || other.path.length === path.length),
    );
  }

  #locate(problem: Problem): Problem {
    const { at, ...rest } = problem;
    const { path, kind } = rest;
    const text = this.secrets.scrubQuotes(problem.text);
    const override = this.#options.overrides?.findLast(
      (given) =>
        startsWith(path, given.path) || (startsWith(given.path, path) && !this.#document.has(path)),
    );
    if (override !== undefined) {
      return { ...rest, text, file: '--set', line: override.number, column: override.column };
    }
    return { ...rest, text, file: this.file, ...this.#document.placeOf(path, kind, at) };
  }
}

/**
 * Reads a pipeline file, YAML or JSON. Throws a `ValidationError` where it cannot be opened or is no
 * YAML; all other problems come with `plan`, together with those of the pipeline.
 */
export async function readConfig(file: string, options: ConfigOptions): Promise<PipelineConfig> {
  return parseConfig(await readText(file, options.outside), file, options);
}

/** As `readConfig`, of a text. `file`: its name in messages. */
export async function parseConfig(
  text: string,
  file: string,
  options: ConfigOptions,
): Promise<PipelineConfig> {
  const document = await ConfigDocument.parse(text);
  if (document.problems.length > 0) {
    throw new ValidationError(
      file,
      document.problems.map((problem) => ({ ...problem, file })),
    );
  }
  const { value } = document;
  if (!isConfigMap(value)) {
    const fact = 'a pipeline is a map: `name:`, `source:`, `stages:`, `sink:`';
    throw new ValidationError(file, [
      { kind: 'syntax', path: [], text: fact, file, ...document.placeOf([]) },
    ]);
  }
  const problems: Problem[] = [];
  for (const override of options.overrides ?? []) {
    const fact = await applyOverride(value, override);
    if (fact !== undefined)
      problems.push({ kind: 'invalid-option', path: override.path, text: fact });
  }
  const secrets = new Secrets();
  const description = await describe(value, file, options, secrets, problems);
  return new PipelineConfig(file, document, { description, problems, secrets }, options);
}

async function describe(
  config: ConfigMap,
  file: string,
  { registry, outside, environment = {}, deadLetters }: ConfigOptions,
  secrets: Secrets,
  problems: Problem[],
): Promise<PipelineDescription> {
  const reader = new EntryReader(registry, problems);
  checkKeys(config, reader);
  const name = readName(config, file, reader);
  const variables = { variables: environment, files: outside.files };
  const unresolved: Problem[] = [];
  const alerts = await resolveSecrets(
    config['alerts'] ?? null,
    ['alerts'],
    variables,
    secrets,
    unresolved,
    () => Promise.resolve(false),
  );
  problems.push(...unresolved);
  // What could not be resolved is wrong in other ways too, which nobody needs to read.
  const resolved = { ...config, alerts: unresolved.length === 0 ? alerts : null };
  const settings = await readSettings(resolved, problems);
  const policies = new Policies(outside, reader);
  await policies.readNamed(config['policies']);
  const topology = await readTopology(config, reader, policies, (value, path, definition) =>
    resolveSecrets(value, path, variables, secrets, problems, (at) =>
      isExpression(definition, at.slice(path.length)),
    ),
  );
  policies.tellUnused();
  const fallback = deadLetters && {
    id: 'dead-letters',
    component: deadLetters,
    from: [],
    path: [],
  };
  return { name, ...topology, deadLetters: topology.deadLetters ?? fallback, settings };
}

async function isExpression({ spec }: Definition, path: Path): Promise<boolean> {
  const z = await import('zod');
  const schema: ZodType = spec.options(z);
  return schemasAt(schema, path).some(takesExpression);
}

function checkKeys(config: ConfigMap, reader: EntryReader): void {
  for (const key of Object.keys(config)) {
    if (configKeys.includes(key)) continue;
    const isPlacement = Object.values(placementKeys).some((keys) => keys.includes(key));
    const hint = isPlacement
      ? 'it stands within a source, stage or sink'
      : suggestion(key, configKeys, 'keys');
    reader.problem('unknown-key', [key], `a pipeline has no key \`${key}\`, ${hint}`);
  }
}

/** The name of a pipeline: as written, or that of its file; undefined where it can be none. */
export function nameOf(name: unknown, file: string): string | undefined {
  if (name === undefined || name === null) {
    const plain = basename(file).replace(/\.(ya?ml|json)$/i, '');
    return namePattern.test(plain) ? plain : 'pipeline';
  }
  return typeof name === 'string' && namePattern.test(name) ? name : undefined;
}

function readName({ name }: ConfigMap, file: string, reader: EntryReader): string {
  const read = nameOf(name, file);
  if (read !== undefined) return read;
  const text =
    '`name` is made of up to 64 letters, digits, dots, dashes and underscores, no dot first';
  reader.problem('invalid-option', ['name'], text);
  return 'pipeline';
}

async function readText(file: string, { files }: Outside): Promise<string> {
  const refused = (text: string): ValidationError =>
    new ValidationError(file, [{ kind: 'input', path: [], text, file, line: 1, column: 1 }]);
  try {
    const path = resolve(file);
    const facts = await files.facts(path);
    if (facts !== undefined && facts.sizeBytes > configLimits.bytesMax) {
      throw refused(`a config holds at most ${configLimits.bytesMax} bytes`);
    }
    return await files.readText(path);
  } catch (error) {
    if (error instanceof ValidationError || !isPipelineError(error)) throw error;
    throw refused(`the config ${error.fact}`);
  }
}

function startsWith(path: Path, start: Path): boolean {
  return (
    start.length <= path.length && start.every((part, at) => String(part) === String(path[at]))
  );
}
