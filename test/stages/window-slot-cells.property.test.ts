import fc from 'fast-check';
import { expect, test } from 'vitest';

import { SlotCells } from '../../src/stages/window/slot-cells.ts';

/** Few of many slots, many of few, and in either order. */
const spans = fc.array(
  fc.record({
    from: fc.integer({ min: 0, max: 60_000 }),
    count: fc.integer({ min: 1, max: 3_000 }),
    step: fc.integer({ min: 1, max: 30 }),
    isDeleted: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
);

test('slots have the cells that they were given, however many of them do', () => {
  fc.assert(
    fc.property(spans, (given) => {
      const cells = new SlotCells();
      const expected = new Map<number, number>();
      for (const { from, count, step, isDeleted } of given) {
        for (let slot = from; slot < from + count * step; slot += step) {
          if (expected.has(slot) !== isDeleted) continue;
          if (isDeleted) cells.delete(slot);
          else cells.set(slot, slot + 1);
          if (isDeleted) expected.delete(slot);
          else expected.set(slot, slot + 1);
        }
        expect(cells.count).toBe(expected.size);
        expect(cells.slots()).toEqual([...expected.keys()].sort((a, b) => a - b));
        expect(cells.slots().every((slot) => cells.of(slot) === slot + 1)).toBe(true);
        expect(cells.of(from + 1)).toBe(expected.get(from + 1) ?? 0);
      }
    }),
    { numRuns: 60 },
  );
});
