import {
  type Clock,
  type EventDefinition,
  type EventFields,
  logAt,
  type Logger,
  type LogLevel,
} from '../core/index.ts';
import { Listeners } from '../core/listeners.ts';
import { withoutCredentials } from '../core/mask.ts';
import { BoundedCounts } from './bounded-counts.ts';
import { withoutSecretFields } from './masked-fields.ts';

/** An event that happened, as a listener is told of it. */
export interface ObservedEvent {
  readonly name: string;
  readonly level: LogLevel;
  /** Wall time in milliseconds. */
  readonly at: number;
  /** Plain data, and errors; without secrets, as in the log. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Whether an event is that one: its fields are then those that are declared. */
export function isEvent<
  E extends Pick<ObservedEvent, 'name' | 'fields'>,
  N extends string,
  F extends EventFields<N>,
>(event: E, { name }: EventDefinition<N, F>): event is E & { readonly fields: F } {
  return event.name === name;
}

/** Is told of what happens, at once and in order. */
export type EventListener = (event: ObservedEvent) => void;

/** How an event is said, where that is not as usual. */
export interface EmitOptions {
  /** That of the component it happened to. */
  readonly log?: Logger;
  /** Where it is not that of the event. */
  readonly level?: LogLevel;
}

/** Says that an event happened. */
export type Emit = <N extends string, F extends EventFields<N>>(
  event: EventDefinition<N, F>,
  fields: NoInfer<F>,
  options?: EmitOptions,
) => void;

/**
 * The only way in which the engine speaks: logs, counts and tells listeners of what happens. Secrets
 * are taken out here, once for all of them.
 */
export class Emitter {
  readonly log: Logger;
  readonly #clock: Clock;
  readonly #scrub: (text: string) => string;
  readonly #counts = new BoundedCounts();
  readonly #listeners = new Listeners<ObservedEvent>();

  /** `scrub`: takes out of a text what may not be shown; of addresses, who calls, unless given. */
  constructor(log: Logger, clock: Clock, scrub: (text: string) => string = withoutCredentials) {
    this.log = log;
    this.#clock = clock;
    this.#scrub = scrub;
  }

  /** For what is about a component: a line says so as its component, as those that it writes do. */
  logOf(component: string): Logger {
    return this.log.bindContext({ component, stageId: component });
  }

  /** How often each event happened, by its name. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  readonly emit: Emit = (event, given, { log = this.log, level = event.level } = {}) => {
    const { name } = event;
    this.#counts.add(name);
    const fields = withoutSecretFields(given, this.#scrub);
    const logged = event.logged?.(given);
    logAt(log, level, name, logged ? withoutSecretFields(logged, this.#scrub) : fields);
    if (this.#listeners.size === 0) return;
    const happened: ObservedEvent = { name, level, at: this.#clock.now(), fields };
    this.#listeners.tell(happened);
  };

  /** Tells of every event from now on. Gives what ends that. */
  listen(listener: EventListener): () => void {
    return this.#listeners.add(listener);
  }
}
