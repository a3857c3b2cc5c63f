import { styleText } from 'node:util';

import type { LogLevel } from '../../core/index.ts';
import { escapeControls } from '../../core/plain-text.ts';
import type { Scrub } from '../../core/mask.ts';
import { cutText, encodeText, encodeValue } from './encode.ts';

/** How a line is written, piece by piece, so that the pieces that stay the same are kept. */
export interface LineFormat {
  /** How it starts: with the time. */
  start(ms: number): string;
  /** What stands between the time and the event. */
  head(level: LogLevel, component: string): string;
  event(event: string): string;
  /** What stands before the value of a field. */
  name(name: string): string;
  /** Undefined where the field is to be left out. */
  value(value: unknown): string | undefined;
  /** With the line end. */
  readonly end: string;
}

/** One line of NDJSON. */
export class JsonFormat implements LineFormat {
  readonly end = '}\n';
  readonly #scrub: Scrub | undefined;
  readonly #start: PerMillisecond = new PerMillisecond((iso) => `{"timestamp":"${iso}"`);

  constructor(scrub: Scrub | undefined) {
    this.#scrub = scrub;
  }

  start(ms: number): string {
    return this.#start.at(ms);
  }

  head(level: LogLevel, component: string): string {
    return `,"level":"${level}","component":${this.event(component)},"event":`;
  }

  event(event: string): string {
    return encodeText(cutText(this.#scrub === undefined ? event : this.#scrub(event)));
  }

  name(name: string): string {
    return `,${encodeText(name)}:`;
  }

  value(value: unknown): string | undefined {
    return encodeValue(value, this.#scrub);
  }
}

/** The stream whose colours a text takes; where there is none, it has no colours. */
export type Coloured = NonNullable<Parameters<typeof styleText>[2]>['stream'] | undefined;

const colours = {
  DEBUG: 'gray',
  INFO: 'cyan',
  WARNING: 'yellow',
  ERROR: 'red',
  CRITICAL: 'magenta',
} as const satisfies Record<LogLevel, Parameters<typeof styleText>[0]>;

/** One line for people: `12:00:00.000 INFO run run.started sources=1`. */
export class TextFormat implements LineFormat {
  readonly end = '\n';
  readonly #scrub: Scrub | undefined;
  readonly #stream: Coloured;
  readonly #start: PerMillisecond = new PerMillisecond((iso) =>
    this.#style('dim', iso.slice(11, 23)),
  );

  constructor(scrub: Scrub | undefined, stream: Coloured) {
    this.#scrub = scrub;
    this.#stream = stream;
  }

  start(ms: number): string {
    return this.#start.at(ms);
  }

  head(level: LogLevel, component: string): string {
    return ` ${this.#style(colours[level], level)} ${this.event(component)} `;
  }

  event(event: string): string {
    return this.#plain(event);
  }

  name(name: string): string {
    return ` ${this.#style('dim', `${escapeText(name)}=`)}`;
  }

  value(value: unknown): string | undefined {
    if (typeof value === 'string') return this.#plain(value);
    // A stack is for programs, and for whoever asks them.
    if (value instanceof Error) return this.#plain(textOf(value));
    return encodeValue(value, this.#scrub);
  }

  #plain(text: string): string {
    return escapeText(cutText(this.#scrub === undefined ? text : this.#scrub(text)));
  }

  #style(format: Parameters<typeof styleText>[0], text: string): string {
    return this.#stream === undefined ? text : styleText(format, text, { stream: this.#stream });
  }
}

function escapeText(text: string): string {
  return escapeControls(text.toWellFormed());
}

/** An error as it says itself. */
export function textOf(error: Error): string {
  try {
    return String(error);
  } catch {
    return '[unreadable]';
  }
}

const msMax = 8.64e15;

/** What is made of the time, once a millisecond: many lines have the same. */
class PerMillisecond {
  readonly #make: (iso: string) => string;
  #ms = Number.NaN;
  #text = '';

  constructor(make: (iso: string) => string) {
    this.#make = make;
  }

  at(ms: number): string {
    if (ms === this.#ms) return this.#text;
    this.#ms = ms;
    // A clock that is out of its mind costs no line.
    const isTime = ms >= -msMax && ms <= msMax;
    return (this.#text = this.#make(new Date(isTime ? ms : 0).toISOString()));
  }
}
