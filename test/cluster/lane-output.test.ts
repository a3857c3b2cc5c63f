import { Buffer } from 'node:buffer';

import { expect, test } from 'vitest';

import type { Encoder } from '../../src/batch/codec/contract.ts';
import { Batch, schema } from '../../src/batch/index.ts';
import { BatchSender } from '../../src/batch/transfer.ts';
import { LaneOutput, outputBytes } from '../../src/cluster/lane-output.ts';
import type { ProductMessage } from '../../src/cluster/messages.ts';
import { Slots } from '../../src/cluster/slots.ts';

const note = schema({ note: 'text' });
const encoder = {
  encode: (batch: Batch) => Buffer.from(String(batch.column('note').value(batch.rows[0]!))),
} as unknown as Encoder;

type Encoded = Extract<ProductMessage, { readonly encoded: unknown }>;

/** What comes of texts, each a batch, and which slots are taken then. */
function encoded(slotCount: number, texts: readonly string[]) {
  const slots = new Slots(Slots.memory(slotCount, outputBytes), outputBytes);
  const output = new LaneOutput('out', encoder, slots, () => 0);
  for (const text of texts) output.take(Batch.from([{ note: text }], note));
  const products = output.finish(new BatchSender(), []) as Encoded[];
  const bytesOf = ({ encoded: bytes }: Encoded): Uint8Array =>
    'slot' in bytes ? slots.view(bytes.slot).subarray(0, bytes.length) : bytes;
  return {
    slots,
    products,
    text: products.map((product) => Buffer.from(bytesOf(product)).toString()).join(''),
    inSlots: products.map((product) => 'slot' in product.encoded),
    output,
  };
}

const third = (letter: string): string => letter.repeat(Math.ceil(outputBytes / 3));

test('what one slot has no room for goes on in another, in order', () => {
  const texts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(third);
  const { products, text, inSlots, slots, output } = encoded(4, texts);
  expect(text === texts.join('')).toBe(true);
  expect(inSlots).toEqual([true, true, true, true]);
  expect(products.map(({ rows }) => rows)).toEqual([2, 2, 2, 2]);
  expect(products.map(({ sample }) => sample !== null)).toEqual([true, false, false, false]);
  expect(slots.take(1)).toBeUndefined();
  for (const { encoded: bytes } of products) if ('slot' in bytes) slots.give(bytes.slot);
  expect(slots.take(1)).toBe(0);
  expect(output.finish(new BatchSender(), [])).toEqual([]);
});

test('what no slot has room for, and what comes while none is free, is in memory of its own', () => {
  const long = 'x'.repeat(outputBytes + 1);
  const texts = [third('a'), long, third('b'), third('c'), third('d'), third('e')];
  const { text, inSlots } = encoded(2, texts);
  expect(text === texts.join('')).toBe(true);
  expect(inSlots).toEqual([true, false, true, false, false]);
});
