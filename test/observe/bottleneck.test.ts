import { expect, test } from 'vitest';

import { bottleneckOf } from '../../src/observe/bottleneck.ts';

const load = (component: string, heldShare: number, queueFill: number | null) => ({
  component,
  heldShare,
  queueFill,
});
type Load = ReturnType<typeof load>;

test.each<[string, string | undefined, Load[]]>([
  ['nothing that is idle', undefined, [load('in', 0.1, null), load('out', 0.4, 0.7)]],
  ['nothing of nothing', undefined, []],
  ['the busiest where no queue is full', 'in', [load('in', 0.9, null), load('out', 0.6, 0.7)]],
  [
    'whose queue is the last full one',
    'b',
    [load('in', 0, null), load('a', 0.6, 1), load('b', 0.9, 0.75), load('out', 0.8, 0.2)],
  ],
  [
    'the busy one of those that share that queue',
    'b',
    [load('in', 0.2, null), load('a', 0.1, 1), load('b', 0.8, null), load('out', 0.1, 0)],
  ],
  [
    'who waits there, where none of them is busy',
    'a',
    [load('in', 0.9, null), load('a', 0.1, 1), load('b', 0.2, null), load('out', 0.7, 0)],
  ],
])('a bottleneck is %s', (_what, component, loads) => {
  expect(bottleneckOf(loads)?.component).toBe(component);
});
