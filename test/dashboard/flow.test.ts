import { describe, expect, test } from 'vitest';

import { folded, type FlowNode, nodeHeight, pictureOf } from '../../dashboard/src/parts/flow.ts';

const node = (id: string, from: readonly string[], kind: FlowNode['kind'] = 'stage'): FlowNode => ({
  id,
  kind,
  ids: [id],
  from,
});

/** Stages that follow each other, of that name and number. */
function chain(name: string, length: number, from: string): FlowNode[] {
  return Array.from({ length }, (_, at) =>
    node(`${name}${at + 1}`, [at === 0 ? from : `${name}${at}`]),
  );
}

/** Two chains between a branch and a merge. */
function forked(length: number): FlowNode[] {
  return [
    node('source', [], 'source'),
    node('split', ['source']),
    ...chain('a', length, 'split'),
    ...chain('b', length, 'split'),
    node('all', [`a${length}`, `b${length}`]),
    node('sink', ['all'], 'sink'),
    node('letters', [], 'dead-letters'),
  ];
}

describe('the picture of a pipeline', () => {
  test('shows few components all, and folds what only follows each other of many', () => {
    expect(folded(forked(9))).toHaveLength(23);
    const few = folded(forked(20));
    expect(few.map(({ id, ids, from }) => [id, ids.length, from])).toEqual([
      ['source', 1, []],
      ['split', 1, ['source']],
      ['a1', 20, ['split']],
      ['b1', 20, ['split']],
      ['all', 1, ['a1', 'b1']],
      ['sink', 1, ['all']],
      ['letters', 1, []],
    ]);
  });

  test('goes from left to right, and nothing lies on anything else', () => {
    const nodes = forked(9);
    const { places, edges, height } = pictureOf([...nodes, node('early', ['split'], 'sink')]);
    for (const { from, to } of edges) {
      expect(places.get(to)!.column).toBeGreaterThan(places.get(from)!.column);
    }
    const all = [...places.values()];
    for (const [at, one] of all.entries()) {
      expect(one.y).toBeLessThanOrEqual(height - nodeHeight / 2 + 1e-6);
      const others = all.filter(({ column }, other) => other !== at && column === one.column);
      for (const { y } of others) expect(Math.abs(y - one.y)).toBeGreaterThan(nodeHeight);
    }
  });

  test('leads an edge that passes columns beside what is there', () => {
    const nodes = [
      node('source', [], 'source'),
      ...chain('a', 3, 'source'),
      node('all', ['a3', 'source']),
    ];
    const { places, edges } = pictureOf(nodes);
    const past = edges.find(({ from, to }) => from === 'source' && to === 'all')!;
    expect(past.via.map(({ column }) => column)).toEqual([1, 2, 3]);
    for (const { column, y } of past.via) {
      const there = [...places.values()].find((place) => place.column === column)!;
      expect(Math.abs(y - there.y)).toBeGreaterThan(nodeHeight / 2);
    }
  });
});
