import type { NumberPolicy } from './contract.ts';
import type { Cell } from './csv-record.ts';
import { writeJson, writeMissing, writeNumber, writeValue } from './json-cell.ts';
import { parseJson } from './json-record.ts';
import type { RowColumns } from './row-columns.ts';

const numberPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const boolPattern = /^(?:true|false)$/i;

/**
 * Writes one cell to the row in the making, read as its field's kind; gives how many duplicate keys
 * its JSON has. Throws `UndecodableError`.
 */
export function writeCsvCell(
  rows: RowColumns,
  index: number,
  { text, quoted }: Cell,
  policy: NumberPolicy,
): number {
  if (text === '' && !quoted) {
    writeMissing(rows, index, true);
    return 0;
  }
  switch (rows.fields[index]!.kind) {
    case 'json':
      return writeJsonText(rows, index, text, policy);
    case 'bool':
      writeValue(rows, index, boolPattern.test(text) ? text.toLowerCase() === 'true' : text);
      return 0;
    case 'float64':
    case 'int32':
    case 'int64':
    case 'timestamp':
      if (numberPattern.test(text)) writeNumber(rows, index, Number(text), plain(text), policy);
      else writeValue(rows, index, text);
      return 0;
    default:
      writeValue(rows, index, text);
      return 0;
  }
}

function writeJsonText(
  rows: RowColumns,
  index: number,
  text: string,
  policy: NumberPolicy,
): number {
  const { value, unsafeNumbers, duplicateKeys } = parseJson(text);
  if (value === null) writeMissing(rows, index, true);
  else writeJson(rows, index, value, unsafeNumbers, text, { start: 0, end: text.length }, policy);
  return duplicateKeys;
}

/** The number as JSON has it: no plus sign, no leading zeros. */
function plain(digits: string): string {
  return digits.replace(/^\+/, '').replace(/^(-?)0+(?=\d)/, '$1');
}
