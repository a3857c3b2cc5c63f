import { reasonOf } from '../../errors.ts';
import type { ObservedEvent } from '../emitter.ts';
import type { FlightEvent } from './record.ts';

const textLengthMax = 300;
const fieldsMax = 16;
/** What a string costs beside its characters. */
const overheadBytes = 32;

/** The newest events, as many as have room. */
export class RecentEvents {
  readonly #bytesMax: number;
  readonly #texts: string[] = [];
  readonly #scrub: (text: string) => string;
  #bytes = 0;

  constructor(bytesMax: number, scrub: (text: string) => string) {
    this.#bytesMax = bytesMax;
    this.#scrub = scrub;
  }

  /** Bytes that it holds. */
  get bytes(): number {
    return this.#bytes;
  }

  add({ at, name, level, fields }: ObservedEvent): void {
    const entries = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .slice(0, fieldsMax)
      .map(([key, value]) => [key, this.#short(value)]);
    const text = JSON.stringify({ at, name, level, fields: Object.fromEntries(entries) });
    this.#texts.push(text);
    this.#bytes += bytesOf(text);
    while (this.#bytes > this.#bytesMax) this.#bytes -= bytesOf(this.#texts.shift()!);
  }

  /** The oldest first. */
  list(): FlightEvent[] {
    return this.#texts.map((text) => JSON.parse(text) as FlightEvent);
  }

  #short(value: unknown): string | number | boolean | null {
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
    // What may not be shown is taken out before the end is, or a part of it would stay.
    const text = this.#scrub(textOf(value));
    return text.length > textLengthMax ? `${text.slice(0, textLengthMax)}…` : text;
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.slice(0, fieldsMax).map(textOf).join(', ');
  if (value instanceof Error || typeof value !== 'object') return reasonOf(value);
  return '[object]';
}

function bytesOf(text: string): number {
  return overheadBytes + 2 * text.length;
}
