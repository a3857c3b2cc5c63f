/** What the door in `src/batch/codec/kernels.ts` calls. */
import { makeTables } from './tables';

export { resolveMiss } from './category';
export { addCsvColumn, addCsvField, addCsvMissing, beginCsv } from './csv';
export {
  clearNulls,
  gatherText,
  hadNulls,
  patchCategories,
  positions,
  setDictionary,
  validity,
  values,
} from './fields';
export {
  COLUMNS_SIZE,
  FIELDS_MAX,
  HASHED,
  HASHED_SIZE,
  HASH_SUMS,
  INPUT,
  INPUT_SIZE,
  KEYS_SIZE,
  MISSES,
  OFFSETS,
  RESULT,
  ROWS_MAX,
  TEXTS,
} from './layout';
export { addNdjsonField, beginNdjson } from './ndjson';
export { parseRecords } from './records';
export {
  CELLS_MAX,
  CONSTANTS,
  CONSTANTS_SIZE,
  DATA,
  DATA_SIZE,
  OUT,
  SELECTED,
  SPAN_MAX,
  STORED,
  STORED_SIZE,
  WRITTEN,
} from './write-layout';
export {
  addCell,
  beginRows,
  setCategories,
  setNullable,
  setRowBytes,
  setText,
  writeRows,
} from './write-rows';
export { setCsv } from './write-text';
export { addStripes } from './xxh64';

makeTables();
