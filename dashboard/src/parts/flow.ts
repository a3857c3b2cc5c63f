import { sankey } from 'd3-sankey';

import type { ComponentKind, Topology } from '../../../src/server/api-types.ts';

/** A component in the picture of a pipeline, or several that follow each other, folded. */
export interface FlowNode {
  /** Of several the first. */
  readonly id: string;
  readonly kind: ComponentKind;
  readonly ids: readonly string[];
  /** The nodes that its rows come from. */
  readonly from: readonly string[];
}

/** A column, counted from the left, and how far down, in pixels where text is small. */
export interface Place {
  readonly column: number;
  readonly y: number;
}

/** Where everything is; `via`: the places between the ends of an edge that passes other nodes. */
export interface Picture {
  readonly columns: number;
  readonly height: number;
  readonly places: ReadonlyMap<string, Place>;
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly via: readonly Place[];
  }[];
}

export const nodeHeight = 106;
const gap = 30;
/** Of the room that an edge takes where it passes nodes. */
const bendHeight = 12;
/** Up to so many components all are shown; above, runs of at least `runMin` stages fold. */
const shownMax = 24;
const runMin = 4;

/** The nodes of a pipeline, in the order of the flow. */
export function nodesOf({ nodes }: Topology, hasLetters: boolean): readonly FlowNode[] {
  const shown = nodes.filter(({ kind }) => hasLetters || kind !== 'dead-letters');
  return shown.map(({ id, kind, from }) => ({
    id,
    kind,
    ids: [id],
    // What a branch gives out is called `id.output`, and no id has a point.
    from: [...new Set(from.map((port) => port.split('.')[0]!))],
  }));
}

/** Fewer nodes where there are many: stages that only follow each other become one. */
export function folded(nodes: readonly FlowNode[]): readonly FlowNode[] {
  if (nodes.length <= shownMax) return nodes;
  const consumers = new Map<string, number>();
  for (const id of nodes.flatMap(({ from }) => from)) {
    consumers.set(id, (consumers.get(id) ?? 0) + 1);
  }
  const runs = new Map<string, string[]>();
  for (const { id, kind, from } of nodes) {
    if (kind !== 'stage') continue;
    const [before = ''] = from;
    const isNext = from.length === 1 && consumers.get(before) === 1;
    const run = (isNext && runs.get(before)) || [];
    run.push(id);
    runs.set(id, run);
  }
  const runOf = (id: string): readonly string[] => {
    const run = runs.get(id) ?? [];
    return run.length < runMin ? [id] : run;
  };
  return nodes
    .filter(({ id }) => runOf(id)[0] === id)
    .map((node) => ({
      ...node,
      ids: runOf(node.id),
      from: node.from.map((id) => runOf(id)[0]!),
    }));
}

/** Places nodes from left to right, each in the column behind the last that it reads from. */
export function pictureOf(nodes: readonly FlowNode[]): Picture {
  const letters = nodes.find(({ kind }) => kind === 'dead-letters');
  const placed = nodes.filter((node) => node !== letters);
  const columnOf = columnsOf(placed);
  const boxes: Box[] = placed.map(({ id }) => ({
    id,
    column: columnOf.get(id)!,
    fixedValue: nodeHeight,
  }));
  const links: { source: string; target: string; value: number }[] = [];
  const routes = placed.flatMap(({ id: to, from: sources }) =>
    sources.map((from) => {
      const bends = bendsOf(from, to, columnOf);
      boxes.push(...bends);
      const stops = [from, ...bends.map(({ id }) => id), to];
      for (const [at, target] of stops.slice(1).entries()) {
        links.push({ source: stops[at]!, target, value: 1 });
      }
      return { from, to, bends };
    }),
  );
  const columns = Math.max(...boxes.map(({ column }) => column)) + 1;
  const heights = Array.from({ length: columns }, () => -gap);
  for (const { column, fixedValue } of boxes) heights[column]! += fixedValue + gap;
  let height = Math.max(...heights);
  const { nodes: laidOut } = sankey<Box, object>()
    .nodeId(({ id }) => id)
    .nodeAlign(({ column }) => column)
    .nodePadding(gap)
    .iterations(32)
    .size([columns, height])({ nodes: boxes, links });
  const yOf = new Map(laidOut.map(({ id, y0 = 0, y1 = 0 }) => [id, (y0 + y1) / 2]));
  const placeOf = ({ id, column }: Box): Place => ({ column, y: yOf.get(id)! });
  const places = new Map(boxes.slice(0, placed.length).map((box) => [box.id, placeOf(box)]));
  if (letters !== undefined) {
    const column = freeColumn(places, columns, height);
    if (column < 0) height += gap + nodeHeight;
    places.set(letters.id, {
      column: column < 0 ? columns - 1 : column,
      y: height - nodeHeight / 2,
    });
  }
  const edges = routes.map(({ from, to, bends }) => ({ from, to, via: bends.map(placeOf) }));
  return { columns, height, places, edges };
}

/** A node, or where an edge passes a column; `fixedValue`: how high it is, in pixels. */
interface Box {
  readonly id: string;
  readonly column: number;
  readonly fixedValue: number;
}

/** The columns of nodes that come in the order of the flow; a source stands right before its reader. */
function columnsOf(nodes: readonly FlowNode[]): ReadonlyMap<string, number> {
  const columns = new Map<string, number>();
  for (const { id, from } of nodes) {
    columns.set(id, Math.max(-1, ...from.map((one) => columns.get(one)!)) + 1);
  }
  for (const { id, from } of nodes) {
    const readers = nodes.filter((node) => node.from.includes(id));
    if (from.length > 0 || readers.length === 0) continue;
    columns.set(id, Math.min(...readers.map((node) => columns.get(node.id)!)) - 1);
  }
  return columns;
}

/** Where an edge passes the columns between its ends. */
function bendsOf(from: string, to: string, columnOf: ReadonlyMap<string, number>): Box[] {
  const first = columnOf.get(from)! + 1;
  return Array.from({ length: columnOf.get(to)! - first }, (_, at) => ({
    // No id has a blank.
    id: `${from} ${to} ${first + at}`,
    column: first + at,
    fixedValue: bendHeight,
  }));
}

/** The last column that has room at its bottom; -1 where none has. */
function freeColumn(places: ReadonlyMap<string, Place>, columns: number, height: number): number {
  const full = [...places.values()]
    .filter(({ y }) => y > height - 1.5 * nodeHeight - gap)
    .map(({ column }) => column);
  return Array.from({ length: columns }, (_, column) => column).findLastIndex(
    (column) => !full.includes(column),
  );
}
