import { Buffer } from 'node:buffer';

import type { Column } from '../../batch/index.ts';

/** Characters that a terminal obeys or that change how what follows is read. */
// oxlint-disable-next-line no-control-regex -- control characters are what it is for
const control = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Text that a terminal shows and does not obey: control characters as `\n` or `\u001b`. */
export function escapeControl(text: string): string {
  return text.replace(control, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\t') return '\\t';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A cell for people: control characters escaped, at most `charactersMax` long. */
export function readableCell(column: Column, row: number, charactersMax: number): string {
  return cut(escapeControl(cut(plainCell(column, row), charactersMax)), charactersMax);
}

function plainCell(column: Column, row: number): string {
  const value = column.value(row);
  if (value === null) return '-';
  switch (column.kind) {
    case 'timestamp': {
      const time = new Date(value as number);
      return Number.isNaN(time.getTime()) ? String(value as number) : time.toISOString();
    }
    case 'float64':
      return String(Number((value as number).toPrecision(7)));
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('hex');
    case 'json':
      return JSON.stringify(value);
    default:
      return String(value as string | number | bigint | boolean);
  }
}

/** A cell as JSON on one line: int64 in all its digits, bytes as base64, NaN as null. */
export function jsonCell(column: Column, row: number, charactersMax: number): string {
  const value = column.value(row);
  if (typeof value === 'bigint') return String(value);
  if (column.kind === 'json') {
    const text = JSON.stringify(value);
    return jsonText(text.length > charactersMax ? cut(text, charactersMax) : value);
  }
  if (value instanceof Uint8Array)
    return jsonText(cut(Buffer.from(value).toString('base64'), charactersMax));
  return jsonText(typeof value === 'string' ? cut(value, charactersMax) : value);
}

/** JSON in which what a terminal would obey is escaped. */
export function jsonText(value: unknown): string {
  return escapeControl(JSON.stringify(value));
}

/** The beginning of a text, its end marked, where it is longer; never half a character. */
export function cut(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const kept = text.slice(0, charactersMax - 1);
  return `${/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept}…`;
}
