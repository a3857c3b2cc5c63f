import { type RunStatus, runStatuses } from '../observe/snapshot.ts';
import type { LiveEvents } from './api-types.ts';
import type { Role } from './routes.ts';

/** What is sent to every client as it changes. */
export type LiveType = keyof LiveEvents;

/** What clients need only the newest of. */
export const latestOnly: ReadonlySet<LiveType> = new Set(['snapshot', 'health', 'alerts', 'point']);

/** Something for the clients: JSON text. */
export interface LiveEvent {
  readonly type: LiveType;
  readonly data: string;
}

/** Documents that the pipeline sends unasked: they are there while its loop stalls. */
export type PublishedName = 'snapshot' | 'alerts' | 'topology' | 'manifest';

/** JSON text; or, within one thread, what it is made of, which never changes again. */
export type PublishedDocument = string | object;

/** What the pipeline has to tell, at most once every 100 ms. */
export interface Published {
  readonly type: 'published';
  readonly documents: Readonly<Partial<Record<PublishedName, PublishedDocument>>>;
  readonly events: readonly LiveEvent[];
  /** Events that there was no room for, since the start. */
  readonly eventsDropped: number;
  /** The longest by which the loop was late since the message before. */
  readonly loopDelayMs: number;
}

/** Who asked for a change. */
export interface Asker {
  readonly role: Role;
  /** `token`, `cookie`, or `host` where the host's own server decided. */
  readonly by: string;
  readonly address: string;
}

/** Changes something of the run. */
export interface Command {
  readonly name: 'pause' | 'resume' | 'drain' | 'log-level' | 'alert-limits';
  /** The body, checked. */
  readonly input: unknown;
  readonly asker: Asker;
}

/** Which field is asked for, or which key of it; all fields are listed where none is. */
export interface DataQuery {
  readonly sink?: string | undefined;
  readonly field?: string | undefined;
  readonly key?: string | undefined;
}

/** What only the pipeline's thread can answer. `accept`: the types that the asker takes. */
export type Question =
  | Command
  | { readonly name: 'metrics'; readonly accept: string }
  | { readonly name: 'flight-recorder' }
  | { readonly name: 'data'; readonly query: DataQuery; readonly role: Role };

/** A text and its type; or why there is none, with the status of HTTP. */
export type Answer =
  | { readonly type: string; readonly text: string }
  | { readonly status: number; readonly code: string; readonly message: string };

/** Why there is none where it is told elsewhere. */
export const internalFailure = {
  status: 500,
  code: 'internal',
  message: 'something went wrong here; the log of the run says what',
} as const;

/** To the thread of the server. */
export type ToServer =
  | Published
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly type: 'close' };

/** From the thread of the server. */
export type FromServer =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'refused'; readonly code: string; readonly message: string }
  | { readonly type: 'question'; readonly id: number; readonly question: Question }
  | { readonly type: 'stalled'; readonly stalledMs: number }
  | { readonly type: 'failed'; readonly error: string };

const [beatAt, statusAt, takenAt, cells] = [0, 1, 2, 3];

/**
 * What the two threads know of one another without a message: that the loop of the pipeline turns,
 * where the run stands, and how many messages the server has taken.
 */
export class Pulse {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(4 * cells)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  beat(): void {
    Atomics.add(this.#cells, beatAt, 1);
  }

  take(): void {
    Atomics.add(this.#cells, takenAt, 1);
  }

  /** Changes as long as the loop turns. */
  get beats(): number {
    return Atomics.load(this.#cells, beatAt);
  }

  set status(status: RunStatus) {
    Atomics.store(this.#cells, statusAt, runStatuses.indexOf(status));
  }

  get status(): RunStatus {
    return runStatuses[Atomics.load(this.#cells, statusAt)]!;
  }

  get taken(): number {
    return Atomics.load(this.#cells, takenAt);
  }
}
