import { Buffer } from 'node:buffer';

import { expect, test } from 'vitest';

import {
  type Chunk,
  ChunkBuffers,
  ChunkCutter,
  type DecodeFormat,
} from '../../../src/batch/codec.ts';
import { schema } from '../../../src/batch/index.ts';

const rows = schema({ at: 'float64', note: 'text' });

function cutter(format: DecodeFormat, buffers?: ChunkBuffers): ChunkCutter {
  const report = { failed: () => {}, counted: () => {} };
  return new ChunkCutter(format, rows, { report }, buffers);
}

/** Cuts a text that is read into the room of the cutter, so many bytes at a time at most. */
function cutInPlace(text: string, readMax: number, format: DecodeFormat = 'ndjson') {
  const [bytes, one] = [Buffer.from(text), cutter(format)];
  const chunks: { position: number; text: string }[] = [];
  const take = (): void => {
    for (let chunk = one.next(); chunk !== null; chunk = one.next()) {
      const { data } = chunk as Chunk;
      expect(data.buffer).toBeInstanceOf(SharedArrayBuffer);
      chunks.push({ position: chunk.origin.position(0), text: Buffer.from(data).toString() });
      chunk.release();
    }
  };
  for (let at = 0; at < bytes.length;) {
    const room = one.room();
    expect(room.length).toBeGreaterThan(0);
    const read = Math.min(readMax, room.length, bytes.length - at);
    room.set(bytes.subarray(at, at + read));
    one.push(room.subarray(0, read));
    at += read;
    take();
  }
  one.end();
  take();
  return chunks;
}

function lines(count: number, noteLength: number): string {
  const note = 'x'.repeat(noteLength);
  return Array.from({ length: count }, (_, at) => `{"at":${at},"note":"${note}"}\n`).join('');
}

test.each([
  ['short lines, read whole', lines(60_000, 40), Infinity],
  ['short lines, in small reads', lines(60_000, 40), 3001],
  ['lines longer than a chunk', lines(4, 3_000_000), 70_001],
  ['no line end behind the last', lines(60_000, 40).slice(0, -1), Infinity],
])('%s: chunks that are used again hold all bytes in order', (_, text, readMax) => {
  const chunks = cutInPlace(text, readMax);
  expect(chunks.length).toBeGreaterThan(1);
  expect(chunks.map((chunk) => chunk.text).join('') === text).toBe(true);
  let position = 0;
  for (const chunk of chunks) {
    expect(chunk.position).toBe(position);
    position += chunk.text.length;
    if (position < text.length) expect(chunk.text.at(-1)).toBe('\n');
  }
});

test('a line end within quotes is no end of a chunk', () => {
  const cell = `"${'a\n'.repeat(400_000)}"`;
  const text = `at,note\n1,${cell}\n2,${cell}\n3,plain\n`;
  const chunks = cutInPlace(text, 100_000, 'csv');
  expect(chunks.map((chunk) => chunk.text).join('') === text).toBe(true);
  expect(chunks.map((chunk) => /^(at|\d)/.test(chunk.text))).toEqual(chunks.map(() => true));
});

test.each(['ndjson', 'csv'] as const)('many short %s files take the memory of one', (format) => {
  const seen = new Set<ArrayBufferLike>();
  const buffers = new (class extends ChunkBuffers {
    override take(): Uint8Array {
      const bytes = super.take();
      seen.add(bytes.buffer);
      return bytes;
    }
  })();
  for (let file = 0; file < 20; file++) {
    const one = cutter(format, buffers);
    const text = Buffer.from(format === 'csv' ? 'at,note\n1,x\n' : '{"at":1,"note":"x"}\n');
    one.room().set(text);
    one.push(one.room().subarray(0, text.length));
    expect(one.next()).toBeNull();
    const isGivenEarly = file % 2 === 0;
    const early = isGivenEarly ? one.flush() : null;
    // What a reader asks room for where there is nothing more is not needed.
    one.room();
    one.end();
    const chunk = (early ?? one.next()) as Chunk;
    expect(Buffer.from(chunk.data).equals(text)).toBe(true);
    expect(one.next()).toBeNull();
    chunk.release();
  }
  // Two where a chunk is held while more is asked for.
  expect(seen.size).toBeLessThanOrEqual(2);
});
