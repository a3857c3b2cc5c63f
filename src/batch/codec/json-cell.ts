import { Buffer } from 'node:buffer';

import { describeValue } from '../column-writer.ts';
import type { Field } from '../schema.ts';
import type { NumberPolicy } from './contract.ts';
import { isIntegerText, isSafeNumber, type ParsedJson, type Span } from './json-record.ts';
import type { RowColumns } from './row-columns.ts';
import { parseTimestamp } from './timestamp.ts';
import { UndecodableError } from './undecodable.ts';

/**
 * Writes one field of a parsed record to the row in the making. Throws `UndecodableError` where it
 * is missing, of another type, or a number that the field cannot hold.
 */
export function writeJsonCell(
  rows: RowColumns,
  index: number,
  record: ParsedJson,
  text: string,
  policy: NumberPolicy,
): void {
  const field = rows.fields[index]!;
  const span = record.spans.get(field.name);
  // Names of the prototype (`constructor`) are no data unless the text has them.
  const values = record.value as Record<string, unknown>;
  const value = span === undefined ? undefined : values[field.name];
  if (value === null || span === undefined) {
    writeMissing(rows, index, value === null);
    return;
  }
  if (field.kind === 'json') {
    writeJson(rows, index, value, record.unsafeNumbers, text, span, policy);
    return;
  }
  if (typeof value === 'number') {
    writeNumber(rows, index, value, text.slice(span.start, span.end), policy);
    return;
  }
  writeValue(rows, index, value);
}

/** Writes null where the field may be, else throws `UndecodableError` (`field.missing`). */
export function writeMissing(rows: RowColumns, index: number, isNull: boolean): void {
  const field = rows.fields[index]!;
  if (!field.nullable) {
    const fact = `field \`${field.name}\` is ${isNull ? 'null' : 'missing'}`;
    throw new UndecodableError('field.missing', fact);
  }
  rows.setNull(index);
}

/** Writes a number given as text, to any kind of field but json. */
export function writeNumber(
  rows: RowColumns,
  index: number,
  value: number,
  digits: string,
  policy: NumberPolicy,
): void {
  const { row } = rows;
  const field = rows.fields[index]!;
  switch (field.kind) {
    case 'float64':
    case 'timestamp':
      if (!isSafeNumber(digits) && !(policy === 'lossy' && Number.isFinite(value))) {
        throw outOfRange(field, digits);
      }
      rows.floats[index]![row] = value;
      return;
    case 'int32':
      if (!Number.isInteger(value)) throw misfit(field, value);
      if ((value | 0) !== value) throw outOfRange(field, digits);
      rows.ints[index]![row] = value;
      return;
    case 'int64':
      rows.longs[index]![row] = toInt64(field, value, digits);
      return;
    case 'text':
    case 'category':
      if (policy !== 'string' || isSafeNumber(digits)) throw misfit(field, value);
      writeValue(rows, index, digits);
      return;
    default:
      throw misfit(field, value);
  }
}

/** Writes text to a field of kind bytes: base64, in its one standard form. */
function writeBase64(rows: RowColumns, index: number, text: string): void {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) {
    const name = rows.fields[index]!.name;
    throw new UndecodableError('field.type', `field \`${name}\` takes bytes as base64 text`);
  }
  rows.setData(index, bytes, 0, bytes.length);
}

function misfit({ name, kind }: Field, value: unknown): UndecodableError {
  const fact = `field \`${name}\` takes ${kind}, not ${describeValue(value)}`;
  return new UndecodableError('field.type', fact);
}

function noTimestamp({ name }: Field): UndecodableError {
  const fact = `field \`${name}\` takes milliseconds or RFC 3339 text, and this is other text`;
  return new UndecodableError('field.type', fact);
}

/** Writes a text or a boolean to any kind of field but json. */
export function writeValue(rows: RowColumns, index: number, value: unknown): void {
  const field = rows.fields[index]!;
  if (field.kind === 'bool' && typeof value === 'boolean') {
    rows.bools[index]![rows.row] = value ? 1 : 0;
    return;
  }
  if (typeof value !== 'string') throw misfit(field, value);
  switch (field.kind) {
    case 'text':
      rows.setText(index, value);
      return;
    case 'category':
      rows.setCategoryText(index, value);
      return;
    case 'bytes':
      writeBase64(rows, index, value);
      return;
    case 'timestamp': {
      const ms = parseTimestamp(value);
      if (Number.isNaN(ms)) throw noTimestamp(field);
      rows.floats[index]![rows.row] = ms;
      return;
    }
    default:
      throw misfit(field, value);
  }
}

function toInt64(field: Field, value: number, digits: string): bigint {
  if (isIntegerText(digits)) {
    // 19 digits and a sign are the most that fit; a longer text is not worth a BigInt.
    const exact = digits.length <= 20 ? BigInt(digits) : 2n ** 64n;
    if (BigInt.asIntN(64, exact) !== exact) throw outOfRange(field, digits);
    return exact;
  }
  if (Number.isSafeInteger(value)) return BigInt(value);
  throw Number.isFinite(value) && !Number.isInteger(value)
    ? misfit(field, value)
    : outOfRange(field, digits);
}

function outOfRange({ name, kind }: Field, digits: string): UndecodableError {
  const isRounded = !kind.startsWith('int') && Number.isFinite(Number(digits));
  const fact = isRounded
    ? 'a float64 does not hold the number exactly; `number: lossy` rounds it'
    : `the number is out of range for ${kind}`;
  return new UndecodableError('number.range', `field \`${name}\`: ${fact}`);
}

/** Writes a JSON value as compact text, with its unsafe numbers as the policy says. */
export function writeJson(
  rows: RowColumns,
  index: number,
  value: unknown,
  unsafeNumbers: readonly Span[],
  text: string,
  { start, end }: Span,
  policy: NumberPolicy,
): void {
  const unsafe = unsafeNumbers.filter((span) => span.start >= start && span.end <= end);
  const digitsOf = (span: Span): string => text.slice(span.start, span.end);
  const refused = unsafe.find(
    (span) =>
      policy === 'error' || (policy === 'lossy' && !Number.isFinite(Number(digitsOf(span)))),
  );
  if (refused !== undefined) throw outOfRange(rows.fields[index]!, digitsOf(refused));
  if (policy !== 'string' || unsafe.length === 0) {
    rows.setText(index, JSON.stringify(value));
    return;
  }
  let quoted = '';
  let at = start;
  for (const span of unsafe) {
    quoted += `${text.slice(at, span.start)}"${digitsOf(span)}"`;
    at = span.end;
  }
  rows.setText(index, JSON.stringify(JSON.parse(quoted + text.slice(at, end))));
}
