import * as fc from 'fast-check';

import { type JsonValue, schema } from '../../src/batch/index.ts';

/** One field of each kind, and one of each that may be null. */
export const everyKind = schema({
  float64: 'float64',
  int32: 'int32',
  int64: 'int64',
  timestamp: 'timestamp',
  bool: 'bool',
  category: 'category',
  text: 'text',
  bytes: 'bytes',
  json: 'json',
  'float64?': 'float64?',
  'int32?': 'int32?',
  'int64?': 'int64?',
  'timestamp?': 'timestamp?',
  'bool?': 'bool?',
  'category?': 'category?',
  'text?': 'text?',
  'bytes?': 'bytes?',
  'json?': 'json?',
});

// As JSON gives it back: no −0, and no null where that would be the null of the field.
const json = fc
  .jsonValue()
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonValue)
  .filter((value) => value !== null && !JSON.stringify(value).includes('__proto__'));
const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((one) => one.isWellFormed());
const values = {
  float64: fc.double(),
  int32: fc.integer(),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  // Milliseconds and their thousandths.
  timestamp: fc.integer({ min: -1e13, max: 1e13 }).map((thousandths) => thousandths / 1000),
  bool: fc.boolean(),
  category: fc.constantFrom('a', 'b', '', 'ä', '🚀'),
  text,
  bytes: fc.uint8Array({ maxLength: 20 }),
  json,
};
const nullable = Object.entries(values).map(([kind, value]) => [
  `${kind}?`,
  fc.option(value as fc.Arbitrary<unknown>),
]);

/** Records of `everyKind`, of all the values there are. */
export const recordsOfEveryKind = fc.array(
  fc.record({ ...values, ...(Object.fromEntries(nullable) as object) }),
  { maxLength: 40 },
) as fc.Arbitrary<
  (typeof everyKind.shape extends infer F ? Record<keyof F & string, never> : never)[]
>;
