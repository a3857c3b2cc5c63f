import fc from 'fast-check';

import { Batch, type Fields, type RecordOf, schema, Selection } from '../../src/batch/index.ts';
import {
  type Cut,
  type Flow,
  isCut,
  type Overflow,
  type Policy,
  positionCut,
  seededRandom,
  type Source,
  type StageComponent,
} from '../../src/core/index.ts';
import {
  type Checkpoint,
  memoryCheckpoints,
  type PipelineFlow,
  type Run,
} from '../../src/engine/index.ts';
import type { RunReport } from '../../src/observe/index.ts';
import { circuitBreaker, consecutiveFailures } from '../../src/resilience/index.ts';
import { branch } from '../../src/stages/branch.ts';
import { flatMap } from '../../src/stages/flat-map.ts';
import { mapAsync } from '../../src/stages/map-async.ts';
import { merge } from '../../src/stages/merge.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';
import { scriptedSink, scriptedSource, stageOf, testPipeline } from './ends.ts';

const numbers = schema({ id: 'float64' });
type Numbers = (typeof numbers)['shape'];
type NumberFlow = PipelineFlow<Numbers>;

/** What is done next, to flows named by where they stand in the list of open flows. */
export type Operation =
  | { readonly kind: 'filter' | 'poison' | 'twice' | 'remember'; readonly at: number }
  | { readonly kind: 'hold'; readonly at: number; readonly batches: number }
  | { readonly kind: 'wait'; readonly at: number; readonly ordered: boolean }
  | { readonly kind: 'tee' | 'branch'; readonly at: number }
  | { readonly kind: 'merge'; readonly at: number; readonly with: number };

/** A graph, its input, its timing, and how its first run ends. */
export interface RandomGraph {
  readonly seed: number;
  /** Of each source, the sizes of its batches. */
  readonly sources: readonly { readonly sizes: readonly number[]; readonly isStream: boolean }[];
  readonly operations: readonly Operation[];
  readonly ending: { readonly kind: 'stop' | 'abort' | 'fail'; readonly atMs: number };
  /** Whether what sinks write to is down now and then, with a breaker before each. */
  readonly isFlaky: boolean;
  /** What a sink that nobody waits for does with what it cannot take, where there is one. */
  readonly beside: Overflow | undefined;
}

const at = fc.nat({ max: 5 });

export const randomGraphs: fc.Arbitrary<RandomGraph> = fc.record({
  seed: fc.nat(),
  sources: fc.array(
    fc.record({
      sizes: fc.array(fc.nat({ max: 4 }), { maxLength: 12 }),
      isStream: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  operations: fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constantFrom(
          'filter' as const,
          'poison' as const,
          'twice' as const,
          'remember' as const,
          'remember' as const,
        ),
        at,
      }),
      fc.record({ kind: fc.constant('hold' as const), at, batches: fc.nat({ max: 8 }) }),
      fc.record({ kind: fc.constant('wait' as const), at, ordered: fc.boolean() }),
      fc.record({ kind: fc.constantFrom('tee' as const, 'branch' as const), at }),
      fc.record({ kind: fc.constant('merge' as const), at, with: at }),
    ),
    { maxLength: 8 },
  ),
  ending: fc.record({
    kind: fc.constantFrom('stop' as const, 'abort' as const, 'fail' as const),
    atMs: fc.nat({ max: 150 }),
  }),
  isFlaky: fc.boolean(),
  beside: fc.constantFrom<Overflow | undefined>(undefined, undefined, 'dropOldest', 'dropNewest', {
    spill: { bytesMax: 1_048_576 },
  }),
});

/** The ids that are at one point of a graph when so many batches of each source went through it. */
type Model = (taken: readonly number[]) => number[];

interface Point {
  readonly flow: NumberFlow;
  readonly model: Model;
}

/** What a sink took, by the cut that committed it. */
export interface Taken {
  readonly id: string;
  readonly model: Model;
  readonly committed: { readonly cut: number; readonly ids: readonly number[] }[];
}

/** One run of a graph. */
export interface GraphRun {
  readonly run: Run;
  readonly sinks: readonly Taken[];
  /** By stage id. */
  readonly states: ReadonlyMap<string, Model>;
  readonly checkpoints: readonly Checkpoint[];
  readonly deadIds: readonly number[];
  readonly poisoned: Model;
}

const sinkFails = 'the sink fails';

/** Opens at every second failure in a row, and soon tries again. */
function breakerOf({ clock, random }: VirtualOutside): Policy {
  const failureOn = (error: unknown): boolean => (error as Error).message !== sinkFails;
  return circuitBreaker({ opens: consecutiveFailures(2), openMs: 20, failureOn, clock, random });
}

const isPoison = (id: number): boolean => id % 5 === 2;

function remembering(): StageComponent<Fields, Fields> {
  return stageOf(() => {
    let seen: number[] = [];
    return {
      process: (batch) => {
        for (const { id } of batch.toRows()) seen.push(id as number);
        return batch;
      },
      snapshot: () => [...seen],
      restore: (state) => {
        seen = [...(state as number[])];
      },
    };
  }, 'remember');
}

function holding(batches: number): StageComponent<Fields, Fields> {
  return stageOf(() => {
    const held: Batch[] = [];
    return {
      async *transform(stream: AsyncIterable<Flow>): AsyncIterable<Flow> {
        try {
          for await (const flow of stream) {
            if (!isCut(flow)) held.push(flow);
            while (held.length > (isCut(flow) ? 0 : batches)) yield held.shift()!;
            if (isCut(flow)) yield flow;
          }
          while (held.length > 0) yield held.shift()!;
        } finally {
          for (const batch of held.splice(0)) batch.release();
        }
      },
      held: () => held.reduce((rows, { length }) => rows + length, 0),
    };
  }, 'hold');
}

function filtering(keep: (id: number) => boolean, fails: boolean): StageComponent<Fields, Fields> {
  return stageOf(
    (report) => (batch) => {
      const kept: number[] = [];
      for (let row = 0; row < batch.length; row++) {
        const stored = batch.rows[row]!;
        if (keep(batch.rowAt(stored)['id'] as number)) kept.push(stored);
        else if (fails) report.failed(batch, stored, 'poison');
      }
      const selection = new Selection(Uint32Array.from(kept), kept.length);
      return fails ? batch.select(selection) : report.keep(batch, selection);
    },
    fails ? 'poison' : 'filter',
  );
}

/** Builds a graph and starts it; `from`: where an earlier run left off. */
export async function startGraph(
  { seed, sources, operations, ending, isFlaky, beside }: RandomGraph,
  {
    outside = virtualOutside(),
    from,
    isLast = false,
  }: {
    outside?: VirtualOutside;
    from?: Checkpoint;
    isLast?: boolean;
  } = {},
): Promise<GraphRun> {
  const random = seededRandom(seed + (isLast ? 1 : 0));
  const pause = (msMax: number, signal?: AbortSignal): Promise<void> =>
    random.next() < 0.5
      ? Promise.resolve()
      : outside.clock.sleep(random.next() * msMax, signal && { signal });
  const dead: Record<string, unknown>[] = [];
  const settings = { checkpoint: { everyMs: 7, rowsMax: 9 }, queue: { rowsMax: 5 } };
  const builder = testPipeline(settings, dead, outside);

  const open: Point[] = sources.map(({ sizes, isStream }, index) => {
    const batches = batchesOf(sizes, index * 1000);
    const before = (_: number, signal: AbortSignal): Promise<void> => pause(9, signal);
    const flow = isStream
      ? builder.from(streaming(batches, pause), { id: `source${index}` })
      : builder.from(scriptedSource({ schema: numbers, batches, before }), {
          id: `source${index}`,
        });
    return {
      flow,
      model: (taken) =>
        batches
          .slice(0, taken[index])
          .flat()
          .map(({ id }) => id),
    };
  });
  const states = new Map<string, Model>();
  const poisons: Model[] = [];
  for (const operation of operations) {
    const index = operation.at % open.length;
    const { flow, model } = open[index]!;
    const through = (stage: unknown, made: Model): Point => ({
      flow: flow.pipe(stage as StageComponent<Numbers, Numbers>),
      model: made,
    });
    if (operation.kind === 'tee') open.push({ flow, model });
    else if (operation.kind === 'merge') {
      const other = open[operation.with % open.length]!;
      if (other.flow === flow) continue;
      open.splice(open.indexOf(other), 1);
      const joined = builder.combine([flow, other.flow], merge() as never) as NumberFlow;
      open[open.findIndex((point) => point.flow === flow)] = {
        flow: joined,
        model: (taken) => [...model(taken), ...other.model(taken)],
      };
    } else if (operation.kind === 'branch') {
      const routes = {
        even: (row: RecordOf<Numbers>) => row.id % 2 === 0,
        third: (row: RecordOf<Numbers>) => row.id % 3 === 0,
      };
      const split = flow.pipe(branch({ routes, otherwise: 'rest', mode: 'all' }));
      const rest = (id: number): boolean => id % 2 !== 0 && id % 3 !== 0;
      open[index] = {
        flow: split.output('even'),
        model: (taken) => model(taken).filter((id) => id % 2 === 0),
      };
      open.push(
        {
          flow: split.output('third'),
          model: (taken) => model(taken).filter((id) => id % 3 === 0),
        },
        { flow: split.output('rest'), model: (taken) => model(taken).filter(rest) },
      );
    } else {
      const made: Record<typeof operation.kind, () => Point> = {
        filter: () =>
          through(
            filtering((id) => id % 4 !== 1, false),
            (taken) => model(taken).filter((id) => id % 4 !== 1),
          ),
        poison: () =>
          through(
            filtering((id) => !isPoison(id), true),
            (taken) => model(taken).filter((id) => !isPoison(id)),
          ),
        twice: () =>
          through(
            flatMap<Numbers, Numbers>(numbers, ({ id }) => [{ id }, { id: id + 0.5 }]),
            (taken) => model(taken).flatMap((id) => [id, id + 0.5]),
          ),
        remember: () => through(remembering(), model),
        hold: () => through(holding((operation as { batches: number }).batches), model),
        wait: () =>
          through(
            mapAsync<Numbers, Numbers>({
              map: async ({ id }, signal) => {
                await pause(5, signal);
                return { id };
              },
              concurrency: 3,
              ordered: (operation as { ordered: boolean }).ordered,
            }),
            model,
          ),
      };
      open[index] = made[operation.kind]();
      const { id } = builder.describe().stages.at(-1)!;
      if (operation.kind === 'remember') states.set(id, model);
      if (operation.kind === 'poison') poisons.push((taken) => model(taken).filter(isPoison));
    }
  }

  const started = outside.clock.monotonic();
  const sinks = open.map(({ flow, model }, index): Taken => {
    const rows: Record<string, unknown>[] = [];
    const taken: Taken = { id: `sink${index}`, model, committed: [] };
    const flicker = (): void => {
      if (isFlaky && random.next() < 0.2) throw new Error('down');
    };
    const sink = scriptedSink({
      rows,
      open: async () => flicker(),
      answer: async () => {
        const isOver = outside.clock.monotonic() - started >= ending.atMs;
        if (!isLast && ending.kind === 'fail' && isOver) throw new Error(sinkFails);
        flicker();
        await pause(9);
      },
      commit: async (cut: Cut) => {
        flicker();
        const ids = rows.splice(0).map(({ id }) => id as number);
        await pause(9);
        taken.committed.push({ cut: cut.id, ids });
      },
    });
    flow.to(sink, { id: taken.id, ...(isFlaky && { policy: breakerOf(outside) }) });
    return taken;
  });
  if (beside !== undefined) {
    const answer = async (): Promise<void> => {
      if (random.next() < 0.02) throw new Error('the sink beside fails');
      await pause(30);
    };
    const placement = { id: 'beside', required: false, overflow: beside };
    open[0]!.flow.to(scriptedSink({ answer }), placement);
  }

  const checkpoints: Checkpoint[] = [];
  const memory = memoryCheckpoints();
  if (from !== undefined) await memory.save(from);
  const run = await builder.start({
    store: {
      load: () => memory.load(),
      save: async (checkpoint) => {
        await memory.save(checkpoint);
        checkpoints.push((await memory.load())!);
      },
    },
  });
  if (!isLast) void endAt(run, ending, outside);
  const poisoned: Model = (taken) => poisons.flatMap((model) => model(taken));
  return {
    run,
    sinks,
    states,
    checkpoints,
    poisoned,
    get deadIds() {
      return dead.map(({ record }) => (JSON.parse(record as string) as { id: number }).id);
    },
  };
}

/** What became of a run: its report, or undefined where it failed. */
export function reportOf({ run }: GraphRun): Promise<RunReport | undefined> {
  return run.done.catch(() => undefined);
}

async function endAt(
  run: Run,
  { kind, atMs }: RandomGraph['ending'],
  { clock }: VirtualOutside,
): Promise<void> {
  if (kind === 'fail') return;
  await clock.sleep(atMs);
  await (kind === 'stop' ? run.stop() : run.abort()).catch(() => {});
}

function batchesOf(sizes: readonly number[], first: number): { id: number }[][] {
  let id = first;
  return sizes.map((size) => Array.from({ length: size }, () => ({ id: id++ })));
}

/** A hand-written source that says its position behind each batch, at once or later. */
function streaming(
  batches: readonly { id: number }[][],
  pause: (msMax: number, signal: AbortSignal) => Promise<void>,
): Source<Numbers> {
  return {
    schema: numbers,
    async *stream({ from, signal }) {
      const start = (from as number | undefined) ?? 0;
      for (let next = start; next < batches.length; next++) {
        await pause(9, signal);
        yield Batch.from(batches[next]!, numbers);
        // Until it has said one position, nobody can know that it says any.
        if (next > start) await pause(9, signal);
        yield positionCut(next + 1);
      }
    },
  };
}
