import { Buffer } from 'node:buffer';
import process from 'node:process';
import { inspect, isDeepStrictEqual } from 'node:util';
import { serialize } from 'node:v8';

import { loadKernels } from '../../../src/batch/codec/kernels.ts';
import { seededRandom } from '../../../src/core/index.ts';
import { decode } from './decoding.ts';
import { hostileInput } from './hostile-input.ts';

// Decodes so many hostile inputs by the kernels and by their twin, and prints the first that they do
// not agree on. A process of its own: within the tests' runner it takes five times as long.
const [format, inputs] = process.argv.slice(2) as ['ndjson' | 'csv', string];
const chunkSizes = [1, 2, 3, 7, 64];
if (loadKernels() === null) throw new Error('there are no kernels to compare');

/** Undefined where they agree on all. */
function firstDifference(): object | undefined {
  for (let index = 0; index < Number(inputs); index++) {
    const { schema, bytes, how } = hostileInput(format, seededRandom(`${format} ${index}`));
    const run = (path: 'kernels' | 'twin', chunkBytes: number): unknown => {
      try {
        return decode(format, schema, bytes, { ...how, path, chunkBytes });
      } catch (error) {
        return String(error);
      }
    };
    const twin = run('twin', 1_000_000);
    const known = serialize(twin);
    for (const chunkBytes of [1_000_000, chunkSizes[index % chunkSizes.length]!]) {
      const kernels = run('kernels', chunkBytes);
      // Bytes are compared first, which is quick; equal values may be serialised in two ways.
      if (known.equals(serialize(kernels)) || isDeepStrictEqual(twin, kernels)) continue;
      const text = Buffer.from(bytes).toString();
      return { index, how, chunkBytes, text, kernels, twin };
    }
  }
  return undefined;
}

const difference = firstDifference();
const all = { depth: null, maxStringLength: null, maxArrayLength: null };
process.stdout.write(difference ? inspect(difference, all) : `${inputs} agree\n`);
