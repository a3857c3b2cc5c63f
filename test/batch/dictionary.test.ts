import { Buffer } from 'node:buffer';
import { memoryUsage } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { dictionaryLimits } from '../../src/batch/dictionary.ts';
import { BatchBuilder, type CategoryColumn, Dictionary, schema } from '../../src/batch/index.ts';

/** For the nightly sizes. */
const long = { timeout: 900_000 };

describe('a dictionary', () => {
  test('gives each value one code, in the order they came', () => {
    const dictionary = new Dictionary();
    expect(['a', 'b', 'a', '', 'b'].map((value) => dictionary.code(value))).toEqual([
      0, 1, 0, 2, 1,
    ]);
    expect(dictionary.values).toEqual(['a', 'b', '']);
    expect([dictionary.find('b'), dictionary.find('c')]).toEqual([1, -1]);
  });

  test('has an id of its own', () => {
    expect(new Dictionary().id).not.toBe(new Dictionary().id);
  });

  test('finds values given as bytes and as text alike', long, () => {
    const call = fc.tuple(fc.string({ unit: 'grapheme', maxLength: 3 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(call, { maxLength: 300 }), (calls) => {
        const dictionary = new Dictionary();
        const model: string[] = [];
        for (const [value, asBytes] of calls) {
          const bytes = Buffer.from(`<${value}>`);
          const code = asBytes
            ? dictionary.codeOfBytes(bytes, 1, bytes.length - 1)
            : dictionary.code(value);
          if (!model.includes(value)) model.push(value);
          expect(code).toBe(model.indexOf(value));
        }
        expect(dictionary.values).toEqual(model);
      }),
      { numRuns: process.env['MILLRACE_NIGHTLY'] ? 20_000 : 300 }, // lists of up to 300 calls
    );
  });

  test('begins anew between batches once it is full of values, never inside one', () => {
    const builder = new BatchBuilder(schema({ id: 'category' }));
    const batchOf = (first: number, count: number): CategoryColumn => {
      for (let at = 0; at < count; at++) builder.append({ id: `v${first + at}` });
      return builder.finish().column('id') as CategoryColumn;
    };
    const before = batchOf(0, dictionaryLimits.valuesMax - 1);
    const over = batchOf(dictionaryLimits.valuesMax, 10);
    expect(over.dictionary).toBe(before.dictionary);
    expect(over.dictionary.isFull).toBe(true);
    const after = batchOf(0, 1);
    expect(after.dictionary).not.toBe(before.dictionary);
    expect([after.value(0), over.value(9), before.value(0)]).toEqual(['v0', 'v65545', 'v0']);
  });

  test('is full of bytes, too', () => {
    const dictionary = new Dictionary();
    dictionary.code('x'.repeat(dictionaryLimits.bytesMax - 1));
    expect(dictionary.isFull).toBe(false);
    dictionary.code('é');
    expect(dictionary.isFull).toBe(true);
  });

  // In `npm test` 1 million values (15 dictionaries); nightly 10 million.
  const distinct = process.env['MILLRACE_NIGHTLY'] ? 10_000_000 : 1_000_000;

  test(`${distinct} distinct values do not grow memory`, long, () => {
    const builder = new BatchBuilder(schema({ id: 'category' }));
    const heapMb: number[] = [];
    const tenth = distinct / 10;
    for (let value = 0; value < distinct; value++) {
      builder.append({ id: `sensor-${value}-of-very-many` });
      if (builder.length === 4096) builder.finish().release();
      if ((value + 1) % tenth === 0) heapMb.push(settledMemory() / 2 ** 20);
    }
    // A full dictionary of such values is about 8 MB; kept ones would add 100 MB and more.
    expect(Math.max(...heapMb.slice(2)) - Math.min(...heapMb.slice(0, 2))).toBeLessThan(25);
  });
});

/** Heap and buffers after a full collection. */
function settledMemory(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { heapUsed, arrayBuffers } = memoryUsage();
  return heapUsed + arrayBuffers;
}

test('bytes that are overwritten later are still the value they were', () => {
  const dictionary = new Dictionary();
  const bytes = Buffer.from('value 000');
  expect(dictionary.codeOfBytes(bytes, 0, bytes.length)).toBe(0);
  // Enough other values that some share the place of the first in the table.
  for (let other = 1; other < 500; other++) {
    bytes.write(`value ${String(other).padStart(3, '0')}`);
    expect(dictionary.codeOfBytes(Buffer.from(bytes), 0, bytes.length)).toBe(other);
  }
});
