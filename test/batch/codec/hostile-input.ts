import { Buffer } from 'node:buffer';

import type { Random } from '../../../src/core/index.ts';
import { type Schema, schema } from '../../../src/batch/index.ts';
import type { Decoding } from './decoding.ts';

/** A field of each kind. */
export const everyKind: Schema = schema({
  id: 'category',
  at: 'timestamp?',
  value: 'float64?',
  count: 'int32?',
  total: 'int64?',
  ok: 'bool?',
  note: 'text?',
  raw: 'bytes?',
  more: 'json?',
});
const telemetry = schema({
  sensorId: 'category',
  timestamp: 'timestamp',
  value: 'float64',
  unit: 'category?',
  flags: 'int32',
});
const wide = schema(
  Object.fromEntries(Array.from({ length: 70 }, (_, at) => [`f${at}`, 'float64?'])),
);
const odd = schema({
  'a,"b"\n': 'text',
  é: 'float64?',
  '': 'category?',
  long_name_of_a_field: 'int64?',
});
const schemas: readonly Schema[] = [everyKind, everyKind, telemetry, wide, odd];

/** What to decode, and how: mostly good records, each kind of damage, made of a seeded chance. */
export interface HostileInput {
  readonly schema: Schema;
  readonly bytes: Uint8Array;
  readonly how: Decoding;
}

export function hostileInput(format: 'ndjson' | 'csv', random: Random): HostileInput {
  const chance = new Chance(random);
  const chosen = chance.of(schemas);
  const make = format === 'csv' ? csvText : ndjsonText;
  const bytes = damaged(
    Buffer.from((chance.in(20) ? '\ufeff' : '') + make(chosen, chance)),
    chance,
  );
  return {
    schema: chosen,
    bytes,
    how: {
      encoding: chance.of(['utf-8', 'utf-8', 'latin1', 'replace'] as const),
      number: chance.of(['error', 'string', 'lossy'] as const),
      rowsMax: chance.of([1, 3, 9, 4096]),
      bytesMax: chance.of([100, 1_048_576]),
      recordBytesMax: chance.of([60, 200, 1_048_576, 1_048_576]),
      extraFields: format === 'ndjson' && chance.in(4) ? 'error' : 'ignore',
      delimiter: format === 'csv' ? chance.of([',', ',', ';', '\t', '5', 'e', '.']) : undefined,
    },
  };
}

class Chance {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  in(of: number): boolean {
    return this.below(of) === 0;
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  digits(countMax: number): string {
    let text = '';
    for (let count = this.below(countMax + 1); count > 0; count--) text += this.below(10);
    return text;
  }
}

const bits = new DataView(new ArrayBuffer(8));
/** Numbers that are read in another way than most, or are none. */
export const oddNumbers: readonly string[] = [
  '-0',
  '1e5',
  '1E-3',
  '1e999',
  '9007199254740993',
  '01',
  '1.',
  '-',
  '1.5e',
  '0.1e+2',
  '.5',
  '+5',
];
/** Texts of all lengths and widths. */
export const oddTexts: readonly string[] = [
  'a',
  'sensor-0012',
  '',
  'é',
  '😀',
  '\u0000',
  'x'.repeat(17),
  'y'.repeat(49),
  'a\u0300b',
];
const times = ['2023-11-14T22:13:20Z', '2024-02-29t23:59:59.123456+05:30', '2023-02-29 00:00:00z'];
const strange = [
  '{}',
  '[1,{"a":[]}]',
  'nul',
  'TRUE',
  '"\\ud800"',
  '"\\u00e9"',
  '',
  ' ',
  '"',
  'NaN',
];

function number(chance: Chance): string {
  switch (chance.below(6)) {
    case 0:
      bits.setUint32(0, chance.below(2 ** 32));
      bits.setUint32(4, chance.below(2 ** 32));
      return String(bits.getFloat64(0));
    case 1:
      return `${chance.in(3) ? '-' : ''}${chance.digits(20)}.${chance.digits(20)}`;
    case 2:
      return `${chance.below(1000)}.${chance.digits(6)}e${chance.below(700) - 350}`;
    case 3:
      return chance.of(oddNumbers);
    default:
      return String(chance.below(100_000) / chance.of([1, 10, 1000]));
  }
}

function text(chance: Chance): string {
  if (chance.in(6)) return chance.of(times);
  return chance.in(3) ? `s-${chance.below(30)}` : chance.of(oddTexts);
}

/** A value of a kind, or where chance has it, in a record that is not `good`, of another. */
function value(kind: string, good: boolean, chance: Chance): string {
  if (!good && chance.in(10)) return chance.of(strange);
  if (!good && chance.in(6)) return 'null';
  const other = ['bool', 'text', 'int32', 'float64'];
  switch (!good && chance.in(8) ? chance.of(other) : kind) {
    case 'bool':
      return chance.of(['true', 'false']);
    case 'category':
    case 'text':
      return JSON.stringify(text(chance));
    case 'timestamp':
      return chance.in(2) ? String(1.7e12 + chance.below(1e9)) : JSON.stringify(chance.of(times));
    case 'int32':
      return String(chance.below(2 ** chance.below(33)) * (chance.in(3) ? -1 : 1));
    case 'int64':
      return chance.digits(19) || '0';
    case 'bytes':
      return chance.of(['"AQI="', '"AQI"', '""']);
    case 'json':
      return chance.of(['{"a":1}', '[1,2]', '{"n":1e999}', '{"a":1,"a":2}', 'null']);
    default:
      return good && !chance.in(4) ? String(chance.below(1e5) / 1000) : number(chance);
  }
}

function ndjsonText(chosen: Schema, chance: Chance): string {
  let lines = '';
  let shape = members(chosen, chance);
  for (let count = chance.below(12); count > 0; count--) {
    if (chance.in(3)) shape = members(chosen, chance);
    const [comma, colon] = shape.spaced ? [', ', ': '] : [',', ':'];
    const good = !chance.in(3);
    const cells = shape.names.map((name) => {
      const kind = chosen.fields[chosen.indexOf(name)]?.kind ?? 'float64';
      return JSON.stringify(name) + colon + value(kind, good, chance);
    });
    lines += `{${cells.join(comma)}}${lineEnd(chance)}`;
    if (chance.in(10))
      lines += chance.of(['\n', ' \n', '[]\n', '5\n', '{}\n', '{"id":"a"}x\n', '\r\n']);
  }
  return lines;
}

function members(chosen: Schema, chance: Chance): { names: string[]; spaced: boolean } {
  let names = chance.in(3) ? chosen.names.filter(() => !chance.in(4)) : [...chosen.names];
  if (chance.in(4))
    names.splice(chance.below(names.length), 0, chance.of(['extra', 'constructor']));
  if (chance.in(12) && names.length > 0) names.push(chance.of(names));
  if (chance.in(6)) names = names.toReversed();
  return { names, spaced: chance.in(3) };
}

function csvText(chosen: Schema, chance: Chance): string {
  const names = chance.in(4) ? [...chosen.names, 'extra'] : chosen.names;
  let lines = `${names.map(quoted).join(',')}\n`;
  for (let count = chance.below(10); count > 0; count--) {
    const good = !chance.in(3);
    const cells = names.map((name) => {
      const cell = value(chosen.fields[chosen.indexOf(name)]?.kind ?? 'text', good, chance);
      if (cell === 'null') return '';
      const plain = cell.startsWith('"') && cell.endsWith('"') ? cell.slice(1, -1) : cell;
      return chance.in(5) ? quoted(plain) : plain;
    });
    lines += cells.join(',') + lineEnd(chance);
    if (chance.in(10)) lines += chance.of(['\n', '\r\n', ',\n', '"a\nb",1\n', '"open\n', 'a\rb\n']);
  }
  return lines;
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}

function lineEnd(chance: Chance): string {
  return chance.in(8) ? chance.of(['\r\n', '\r', '']) : '\n';
}

/** Most as they were, the others with a byte changed, taken out or put in, or cut off. */
function damaged(bytes: Uint8Array, chance: Chance): Uint8Array {
  for (; chance.in(3) && bytes.length > 0;) {
    const at = chance.below(bytes.length);
    const byte = chance.in(2)
      ? chance.below(256)
      : chance.of([34, 44, 58, 92, 123, 125, 10, 13, 48]);
    const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at + 1)];
    bytes = chance.of([
      before,
      Buffer.concat([before, behind]),
      Buffer.concat([before, Uint8Array.of(byte), behind]),
      Buffer.concat([before, Uint8Array.of(byte), bytes.subarray(at)]),
    ]);
  }
  return bytes;
}
