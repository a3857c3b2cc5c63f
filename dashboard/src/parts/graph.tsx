import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import type { Alert, RunStats, Topology } from '../../../src/server/api-types.ts';
import { useDocument } from '../documents.ts';
import { rate } from '../format.ts';
import { alerts, isStill, point, snapshot } from '../live.ts';
import { own } from '../own.ts';
import { em } from '../theme.ts';
import type { Trouble } from '../troubles.ts';
import { Empty } from './empty.tsx';
import {
  folded,
  type FlowNode,
  nodeHeight,
  nodesOf,
  type Picture,
  pictureOf,
  type Place,
} from './flow.ts';
import { FlowNodeCard, type NodeTrouble } from './flow-node.tsx';
import { Scroll } from './scroll.tsx';

/** Below so many pixels the picture is a list. */
const listBelow = 640;
/** From one column to the next where text is small, and how much of that a node takes. */
const [stepMin, stepMax] = [172, 280];
const nodeShare = 0.88;

type TroubleOf = ReadonlyMap<string, NodeTrouble>;

/** The pipeline as it flows: from left to right, or on a narrow screen from top to bottom. */
export function PipelineGraph({
  troubles,
}: {
  readonly troubles: readonly Trouble[];
}): preact.JSX.Element {
  const { value: topology, refused } = useDocument<Topology>('topology').value;
  const [isUnfolded, unfold] = useState(false);
  const [place, width] = useWidth();
  const stats = snapshot.value;
  // Dead letters that nobody writes have no figures.
  const hasLetters = stats?.components.some(({ kind }) => kind === 'dead-letters') === true;
  const all = useMemo(
    () => (topology === undefined ? [] : nodesOf(topology, hasLetters)),
    [topology, hasLetters],
  );
  const few = useMemo(() => folded(all), [all]);
  const nodes = isUnfolded ? all : few;
  const isList = width < listBelow;
  const picture = useMemo(
    () => (isList || nodes.length === 0 ? undefined : pictureOf(nodes)),
    [nodes, isList],
  );
  const of = markedBy(troubles, alerts.value?.active ?? []);
  return (
    <section class="card" aria-label="Pipeline">
      <div class="row">
        <h2>Pipeline</h2>
        {few.length < all.length && (
          <button type="button" onClick={() => unfold(!isUnfolded)}>
            {isUnfolded
              ? 'Fold what only follows each other'
              : `Unfold all ${all.length} components`}
          </button>
        )}
      </div>
      <div ref={place}>
        {stats === undefined || nodes.length === 0 ? (
          <Empty refused={refused} what="pipeline" />
        ) : picture === undefined ? (
          <ol class="flow-list">
            {nodes.map((node, at) => (
              <li key={node.id}>
                <Inflow node={node} before={nodes[at - 1]} />
                <FlowNodeCard node={node} stats={stats} troubles={of} />
              </li>
            ))}
          </ol>
        ) : (
          <Drawing {...{ nodes, picture, width, stats, troubles: of }} />
        )}
      </div>
    </section>
  );
}

/** What is wrong, by component; an alert that fires is said where nothing else is. */
function markedBy(troubles: readonly Trouble[], active: readonly Alert[]): TroubleOf {
  const firing = active.filter(({ state }) => state === 'firing');
  return new Map([
    ...firing.toReversed().map(({ component, severity, rule, text }): [string, NodeTrouble] => {
      const mood = severity === 'CRITICAL' ? 'bad' : 'warn';
      return [component, { mood, brief: rule, what: rule, cause: text }];
    }),
    ...troubles.map((trouble) => [trouble.component, trouble] as const),
  ]);
}

/** What comes into a node of a list, and from where. */
function Inflow({
  node: { id, from },
  before,
}: {
  readonly node: FlowNode;
  readonly before: FlowNode | undefined;
}): preact.JSX.Element | null {
  if (from.length === 0) return null;
  const isNext = from.length === 1 && before?.id === from[0];
  const flow = isStill.value ? undefined : own(point.value?.components, id)?.inPerSecond;
  return (
    <p class="inflow">
      <span class="pipe" style={{ width: `${strokeOf(flow)}px` }} />
      <span class="quiet">
        {isNext ? '' : `from ${from.join(', ')}, `}
        {rate(flow)}
      </span>
    </p>
  );
}

function Drawing({
  nodes,
  picture,
  width,
  stats,
  troubles,
}: {
  readonly nodes: readonly FlowNode[];
  readonly picture: Picture;
  readonly width: number;
  readonly stats: RunStats;
  readonly troubles: TroubleOf;
}): preact.JSX.Element {
  const { columns, places } = picture;
  const size = em.value;
  const height = picture.height * size;
  // The last column needs no room behind it.
  const room = width / (columns - 1 + nodeShare);
  const step = Math.min(stepMax * size, Math.max(stepMin * size, room));
  const nodeWidth = Math.round(step * nodeShare);
  const left = (column: number): number => Math.round(column * step);
  const full = left(columns - 1) + nodeWidth;
  return (
    <Scroll label="Pipeline from left to right">
      <div class="drawing" style={{ width: `${full}px`, height: `${height + 4}px` }}>
        <svg width={full} height={height} aria-hidden="true">
          {edgesOf(nodes, picture, stats).map(({ from, to, via, flow, isDead }) => (
            <path
              key={`${from} ${to}`}
              class={isDead ? 'edge dead' : flow === 0 ? 'edge still' : 'edge'}
              d={(isDead ? downPath : pathOf)([places.get(from)!, ...via, places.get(to)!], {
                left,
                nodeWidth,
                size,
              })}
              stroke-width={strokeOf(flow)}
            >
              <title>{`${from} → ${to}: ${rate(isStill.value ? undefined : flow)}`}</title>
            </path>
          ))}
        </svg>
        <ol>
          {nodes.map((node) => {
            const { column, y } = places.get(node.id)!;
            return (
              <li
                key={node.id}
                style={{
                  left: `${left(column)}px`,
                  top: `${(y - nodeHeight / 2) * size}px`,
                  width: `${nodeWidth}px`,
                  height: `${nodeHeight * size}px`,
                }}
              >
                <FlowNodeCard node={node} stats={stats} troubles={troubles} />
              </li>
            );
          })}
        </ol>
      </div>
    </Scroll>
  );
}

/** How much flows in the picture, and where dead letters come from. */
function edgesOf(
  nodes: readonly FlowNode[],
  { edges }: Picture,
  { components }: RunStats,
): readonly (Picture['edges'][number] & { readonly flow: number; readonly isDead: boolean })[] {
  const last = new Map(nodes.map(({ id, ids }) => [id, ids.at(-1)!]));
  const figures = isStill.value ? undefined : point.value?.components;
  const flows = edges.map((edge) => {
    // Of a node with several edges the other end knows better.
    const out = figures?.[last.get(edge.from)!]?.outPerSecond ?? Infinity;
    const into = figures?.[edge.to]?.inPerSecond ?? Infinity;
    const flow = Math.min(out, into);
    return { ...edge, flow: Number.isFinite(flow) ? flow : 0, isDead: false };
  });
  const letters = nodes.find(({ kind }) => kind === 'dead-letters');
  if (letters === undefined) return flows;
  const dying = new Set(
    components.filter(({ dead, kind }) => dead > 0 && kind !== letters.kind).map(({ id }) => id),
  );
  return [
    ...flows,
    ...nodes
      .filter(({ ids }) => ids.some((id) => dying.has(id)))
      .slice(0, deadEdgesMax)
      .map(({ id }) => ({ from: id, to: letters.id, via: [], flow: 1, isDead: true })),
  ];
}

const deadEdgesMax = 24;

/** Wider for each ten times as much, and never nothing. */
function strokeOf(perSecond: number | null | undefined): number {
  return Math.min(18, 1.5 + 2.5 * Math.log10(1 + (perSecond ?? 0)));
}

/** Where places are in pixels; `size`: how large text is. */
interface Scale {
  readonly left: (column: number) => number;
  readonly nodeWidth: number;
  readonly size: number;
}

/** From the right side of the first to the left side of the last, past those between. */
function pathOf([from, ...others]: readonly Place[], { left, nodeWidth, size }: Scale): string {
  let column = from!.column;
  let y = from!.y * size;
  let path = '';
  for (const next of others) {
    const x = left(column) + nodeWidth;
    const end = left(next.column);
    const middle = (x + end) / 2;
    const start = path === '' ? `M${x} ${y}` : `H${x}`;
    const nextY = next.y * size;
    path += `${start}C${middle} ${y} ${middle} ${nextY} ${end} ${nextY}`;
    column = next.column;
    y = nextY;
  }
  return path;
}

/** From below the first to above the last. */
function downPath([from, to]: readonly Place[], { left, nodeWidth, size }: Scale): string {
  const [x, end] = [from!, to!].map(({ column }) => left(column) + nodeWidth / 2);
  const [y, bottom] = [(from!.y + nodeHeight / 2) * size, (to!.y - nodeHeight / 2) * size];
  const middle = (y + bottom) / 2;
  return `M${x} ${y}C${x} ${middle} ${end} ${middle} ${end} ${bottom}`;
}

/** How wide an element is, in whole pixels. */
function useWidth(): [preact.RefObject<HTMLDivElement | null>, number] {
  const place = useRef<HTMLDivElement>(null);
  const [width, set] = useState(innerWidth);
  useEffect(() => {
    const resized = new ResizeObserver(([entry]) => set(Math.floor(entry!.contentRect.width)));
    resized.observe(place.current!);
    return () => resized.disconnect();
  }, []);
  return [place, width];
}
