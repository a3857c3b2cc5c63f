import { stateDirectory } from '../../src/core/state-directory.ts';
import type { Logger } from '../../src/core/index.ts';
import type { Run } from '../../src/engine/index.ts';
import type { RunReport } from '../../src/observe/index.ts';
import { circuitBreaker } from '../../src/resilience/index.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';
import type { VirtualFiles } from '../../src/testing/virtual-files.ts';
import { numbered, readings, scriptedSink, scriptedSource, testPipeline } from './ends.ts';

/** Where the sink `side` spills to. */
export const directory: string = `${stateDirectory(process.env, 'test')}/spill/side`;
export const megabyte: number = 2 ** 20;

export interface Spilling {
  /** Of the rows that come, one batch a second. */
  readonly first?: number;
  readonly count?: number;
  readonly rowsPerBatch?: number;
  /** The source goes on without giving more. */
  readonly endless?: boolean;
  /** Until then the sink is down. */
  readonly upAtMs?: number;
  /** How long the sink takes for a batch. */
  readonly writeMs?: number;
  readonly bytesMax?: number;
  readonly drainMsMax?: number;
  readonly log?: Logger;
}

export interface SpillingRun {
  readonly run: Run;
  readonly outside: VirtualOutside;
  /** What the sinks have taken. */
  readonly side: number[];
  readonly main: number[];
}

/** A run with a sink that nobody waits for, which spills. */
export async function spilling(
  files: VirtualFiles,
  {
    first = 0,
    count = 60,
    rowsPerBatch = 1,
    endless = false,
    upAtMs = Infinity,
    writeMs = 0,
    bytesMax = 16 * megabyte,
    drainMsMax,
    log,
  }: Spilling = {},
): Promise<SpillingRun> {
  const outside = { ...virtualOutside(), files };
  const { clock, random } = outside;
  const [side, main]: [number[], number[]] = [[], []];
  const taking = (into: number[], upAt: number, takesMs: number) =>
    scriptedSink({
      answer: async (batch) => {
        if (clock.monotonic() < upAt) throw new Error('down');
        if (takesMs > 0) await clock.sleep(takesMs);
        for (const { value } of batch.toRows()) into.push(value as number);
      },
    });
  const settings = {
    queue: { rowsMax: 4 * rowsPerBatch },
    ...(drainMsMax !== undefined && { drainMsMax }),
  };
  const flow = testPipeline(settings, [], outside).from(
    scriptedSource({
      schema: readings,
      batches: Array.from({ length: count }, (_, at) =>
        numbered(rowsPerBatch, first + at * rowsPerBatch),
      ),
      before: (read, signal) => (read < count ? clock.sleep(1000, { signal }) : Promise.resolve()),
      endless,
    }),
  );
  flow.to(taking(main, 0, 0), { id: 'main' });
  const policy = circuitBreaker({ name: 'side', openMs: 5000, clock, random });
  const run = await flow
    .to(taking(side, upAtMs, writeMs), {
      id: 'side',
      policy,
      required: false,
      overflow: { spill: { bytesMax } },
    })
    .start(log && { log });
  return { run, outside, side, main };
}

export const ofSide = ({
  components,
}: Pick<RunReport, 'components'>): RunReport['components'][number] =>
  components.find(({ id }) => id === 'side')!;

export const upTo = (count: number, first = 0): number[] =>
  Array.from({ length: count }, (_, at) => first + at);
