import { beginMisses, dropMisses, mayMiss, misses } from './category';
import { parseCells } from './csv';
import { beginRows, categoryFields, dropRow, isCsv, recordBytesMax, takeRow } from './fields';
import { INPUT, RESULT } from './layout';
import { extraFields, parseLine } from './ndjson';

/**
 * Parses the records from offset `from` to `end` of the input, behind an LF, into rows from `row` on,
 * to `rowEnd` or until they take `bytesMax` bytes. Gives the offset of the first record that is not
 * taken.
 */
export function parseRecords(
  from: u32,
  end: u32,
  base: f64,
  row: i32,
  rowEnd: i32,
  rowBytes: i32,
  bytesMax: i32,
): u32 {
  let at: usize = INPUT + from;
  const stop: usize = INPUT + end;
  let bytes = 0;
  let blank = 0;
  let extra = 0;
  let odd = 0;
  beginMisses();
  beginRows();
  while (at < stop && row < rowEnd && bytes < bytesMax && mayMiss(categoryFields)) {
    const first = load<u16>(at);
    if (u8(first) == 10 || first == 0x0a0d) {
      blank++;
      at += u8(first) == 10 ? 1 : 2;
      continue;
    }
    const missesBefore = misses;
    const behind = isCsv ? parseCells(at, row) : parseLine(at, row);
    if (behind == 0 || behind - at > recordBytesMax) {
      dropMisses(missesBefore);
      dropRow(row);
      odd = 1;
      break;
    }
    bytes += rowBytes + takeRow(row, base + f64(u32(at - INPUT)));
    if (!isCsv) extra += extraFields;
    row++;
    at = behind;
  }
  store<i32>(RESULT, row);
  store<i32>(RESULT, odd, 4);
  store<i32>(RESULT, blank, 8);
  store<i32>(RESULT, extra, 12);
  store<i32>(RESULT, misses, 16);
  return u32(at - INPUT);
}
