import { nearest } from '../../batch/nearest.ts';
import type { ComponentType, Outside, Policy } from '../../core/index.ts';
import { isPipelineError } from '../../errors.ts';
import type * as resilience from '../../resilience/index.ts';
import type { DegradationStrategy, OpeningRule, ResilientOptions } from '../../resilience/index.ts';
import type { Path } from '../description.ts';
import { checkOptions } from '../option-problems.ts';
import { fallbackOf } from '../policy-parts.ts';
import { type ConfigMap, type ConfigValue, isConfigMap } from './document.ts';
import type { EntryReader } from './entries.ts';
import { suggestion } from './keys.ts';
import { policyShape } from './policy-shape.ts';

type Library = typeof resilience;

const isPolicy = 'a policy is a map, `{ retry: { … }, breaker: { … } }`';
const orLeaveOut = '; or leave it out';

/** Of a component that a policy is for. */
interface Owner {
  readonly id: string;
  readonly kind: ComponentType;
  /** Where its `resilience` stands. */
  readonly path: Path;
}

/**
 * The policies of a config: those under `policies:`, each one object for all that refer to it, and
 * those that stand by value under a component.
 */
export class Policies {
  readonly #outside: Outside;
  readonly #reader: EntryReader;
  /** Undefined for one that has problems of its own. */
  readonly #named = new Map<string, Policy | undefined>();
  /** Names that something refers to, or seems to mean. */
  readonly #meant = new Set<string>();

  constructor(outside: Outside, reader: EntryReader) {
    this.#outside = outside;
    this.#reader = reader;
  }

  /** Reads what stands under `policies:`. */
  async readNamed(value: ConfigValue | undefined): Promise<void> {
    if (value === undefined) return;
    const isOne = '`name: { retry: { … }, breaker: { … } }`';
    const problem = (text: string): void =>
      this.#reader.problem('invalid-option', ['policies'], text);
    if (saysNothing(value)) problem(`\`policies\` names none: it is a map, ${isOne}${orLeaveOut}`);
    else if (!isConfigMap(value)) problem(`\`policies\` is a map: ${isOne}`);
    else {
      for (const [name, options] of Object.entries(value)) {
        this.#named.set(name, await this.#readOne(name, options));
      }
    }
  }

  /** Tells of each policy that nothing refers to: whatever it was for goes on without. */
  tellUnused(): void {
    for (const name of this.#named.keys()) {
      if (this.#meant.has(name)) continue;
      const text = `nothing refers to policy \`${name}\`; write \`resilience: ${name}\` under a source, stage or sink, or leave it out`;
      this.#reader.problem('topology', ['policies', name], text);
    }
  }

  /** The policy of a component: by value, or the named one; undefined where there is none. */
  async of(value: ConfigValue | undefined, owner: Owner): Promise<Policy | undefined> {
    if (value === undefined) return undefined;
    if (saysNothing(value)) {
      const text = `\`resilience\` says nothing: ${isPolicy}, or the name of one${orLeaveOut}`;
      this.#reader.problem('invalid-option', owner.path, text);
      return undefined;
    }
    const isReference = typeof value === 'string';
    const policy = isReference
      ? this.#find(value, owner.path)
      : await this.#make(owner.id, value, owner.path);
    if (policy === undefined || owner.kind === 'stage' || !fallbackOf(policy)) return policy;
    const text = `a fallback is for stages that wait, as \`map-async\`: nothing can stand in for what a ${owner.kind} does${isReference ? `; \`${value}\` has one` : ''}`;
    this.#reader.problem(
      'invalid-option',
      isReference ? owner.path : [...owner.path, 'fallback'],
      text,
    );
    return undefined;
  }

  async #readOne(name: string, options: ConfigValue): Promise<Policy | undefined> {
    const path = ['policies', name];
    if (!saysNothing(options)) return this.#make(name, options, path);
    const text = `policy \`${name}\` says nothing: ${isPolicy}${orLeaveOut}`;
    this.#reader.problem('invalid-option', path, text);
    return undefined;
  }

  #find(name: string, path: Path): Policy | undefined {
    this.#meant.add(name);
    if (this.#named.has(name)) return this.#named.get(name);
    const names = [...this.#named.keys()];
    this.#meant.add(nearest(name, names) ?? name);
    const hint =
      names.length === 0 ? 'name it under `policies:`' : suggestion(name, names, 'policies');
    this.#reader.problem('topology', path, `there is no policy \`${name}\`, ${hint}`);
    return undefined;
  }

  async #make(name: string, options: ConfigValue, path: Path): Promise<Policy | undefined> {
    if (!isConfigMap(options)) {
      this.#reader.problem('invalid-option', path, `${isPolicy}, or the name of one`);
      return undefined;
    }
    const z = await import('zod');
    const given = withoutEmpty(options);
    const checked = checkOptions({
      name: 'resilience',
      schema: policyShape(z),
      options: given,
      path,
    });
    if ('problems' in checked) {
      this.#reader.problems.push(...checked.problems);
      return undefined;
    }
    const library = await import('../../resilience/index.ts');
    return this.#resilient(name, checked.value as Record<string, object>, path, library);
  }

  /** Part by part, so that what one refuses is told of where it stands. */
  #resilient(
    name: string,
    options: Record<string, object>,
    path: Path,
    library: Library,
  ): Policy | undefined {
    const { clock, random } = this.#outside;
    const shared = { name, clock, random: random.fork(`policy ${name}`) };
    const parts: Record<string, Policy> = {};
    for (const [part, given] of Object.entries(options)) {
      try {
        const made = this.#partOf(part, given, library);
        parts[part] = library.resilient({ ...shared, [part]: made } as ResilientOptions);
      } catch (error) {
        if (!isPipelineError(error)) throw error;
        const option = error.place.split('.').at(-1)!;
        const at = option in given ? [...path, part, option] : [...path, part];
        const text = `\`${part}\`: ${error.fact}; ${error.remedy ?? ''}`;
        this.#reader.problem('invalid-option', at, text);
      }
    }
    const isWhole = Object.keys(parts).length === Object.keys(options).length;
    return isWhole ? library.resilient({ ...shared, ...parts }) : undefined;
  }

  /** The options of one part as the library takes them. */
  #partOf(part: string, given: object, library: Library): object {
    const { clock } = this.#outside;
    if (part === 'retry' && 'budget' in given) {
      const budget = library.retryBudget({ ...(given.budget as object), clock });
      return { ...given, budget };
    }
    if (part === 'breaker') return { ...given, opens: ruleOf(given, library) };
    if (part === 'fallback') return this.#fallbackOf(given as FallbackGiven, library);
    return given;
  }

  #fallbackOf({ strategies, key }: FallbackGiven, library: Library): object {
    const { clock } = this.#outside;
    const made = strategies.map((one): DegradationStrategy => {
      if (one === 'drop') return library.dropStrategy();
      const { lastKnownGood, interpolated, constant } = one;
      if (constant !== undefined) return library.constant(constant);
      if (interpolated !== undefined) return library.interpolated({ ...interpolated, clock });
      return library.lastKnownGood({ ...lastKnownGood, clock });
    });
    const strategy = made.length === 1 ? made[0]! : library.chain(...made);
    if (key === undefined) return { strategy };
    // Called as the field, so that it is shown so.
    const keyOf = { [key]: (record: Readonly<Record<string, unknown>>) => String(record[key]) };
    return { strategy, key: keyOf[key] };
  }
}

interface FallbackGiven {
  readonly strategies: readonly (
    | 'drop'
    | {
        readonly lastKnownGood?: object;
        readonly interpolated?: object;
        readonly constant?: object;
      }
  )[];
  readonly key?: string;
}

/** The rule that opens a breaker, as `opens:` says. */
function ruleOf(given: object, library: Library): OpeningRule {
  const { opens } = given as {
    opens: { consecutiveFailures?: number; failureRate?: never; slowCallRate?: never };
  };
  const rules: OpeningRule[] = [];
  const { consecutiveFailures, failureRate, slowCallRate } = opens;
  if (consecutiveFailures !== undefined)
    rules.push(library.consecutiveFailures(consecutiveFailures));
  if (failureRate !== undefined) rules.push(library.failureRate(failureRate));
  if (slowCallRate !== undefined) rules.push(library.slowCallRate(slowCallRate));
  return rules.length === 1 ? rules[0]! : library.anyOf(...rules);
}

function saysNothing(value: ConfigValue): boolean {
  return value === null || (isConfigMap(value) && Object.keys(value).length === 0);
}

/** A part with nothing behind it is one with all its defaults. */
function withoutEmpty(options: ConfigMap): Record<string, ConfigValue> {
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [key, value ?? {}]));
}
