import { expect } from 'vitest';

import { Batch, type Fields, type RecordOf, type Schema, schema } from '../../src/batch/index.ts';
import {
  type Cut,
  defineSink,
  defineSource,
  defineStage,
  endOfInput,
  type Position,
  type SinkComponent,
  type SinkDefinition,
  type SourceComponent,
  type SourceDefinition,
  type StageComponent,
  type StageInstance,
  type StageReport,
  type WriteResult,
} from '../../src/core/index.ts';
import { type SettingsInput, TypedPipelineBuilder } from '../../src/engine/index.ts';
import type { RunReport } from '../../src/observe/index.ts';
import { virtualOutside, type VirtualOutside } from '../../src/testing/outside.ts';

export const readings = schema({ sensorId: 'category', value: 'float64' });
export type Reading = RecordOf<(typeof readings)['shape']>;

export function reading(value: number, sensorId = 'a'): Reading {
  return { sensorId, value };
}

export function numbered(count: number, first = 0): Reading[] {
  return Array.from({ length: count }, (_, at) => reading(first + at));
}

/** A scripted source: what it was asked, and when it gives what. */
export interface ScriptedSource<F extends Fields> {
  readonly schema: Schema<F>;
  readonly batches: readonly (readonly RecordOf<F>[])[];
  /** Waits before the read of that number, from 0. */
  readonly before?: (read: number, signal: AbortSignal) => Promise<void>;
  readonly open?: (signal: AbortSignal) => Promise<void>;
  readonly acknowledge?: () => Promise<void>;
  readonly log?: {
    reads?: number;
    opened?: (Position | undefined)[];
    acknowledged?: Position[];
    closed?: number;
  };
  /** Waits for ever instead of ending. */
  readonly endless?: boolean;
}

export const scriptedSource: SourceDefinition &
  (<F extends Fields>(options: ScriptedSource<F>) => SourceComponent<F>) = defineSource<
  <F extends Fields>(options: ScriptedSource<F>) => SourceComponent<F>,
  ScriptedSource<Fields>
>({
  name: 'scripted',
  summary: 'Give scripted batches.',
  options: (z) => z.custom<ScriptedSource<Fields>>(),
  example: null,
  whenPaused: 'hold',
  output: (options) => options.schema,
  create: ({ batches, schema: output, before, open, acknowledge, log = {}, endless }, { id }) => {
    let next = 0;
    let reads = 0;
    return {
      open: async (from, signal) => {
        await open?.(signal);
        next = typeof from === 'number' ? from : 0;
        (log.opened ??= []).push(from);
      },
      read: async (signal) => {
        await before?.(reads++, signal);
        log.reads = (log.reads ?? 0) + 1;
        const records = batches[next];
        if (records !== undefined)
          return Batch.from(records, output, { source: id, position: next++ * 1000 });
        if (endless === true) await untilAborted(signal);
        return endOfInput;
      },
      position: () => next,
      acknowledge: async (position) => {
        await acknowledge?.();
        (log.acknowledged ??= []).push(position);
      },
      close: () => {
        log.closed = (log.closed ?? 0) + 1;
        return Promise.resolve();
      },
    };
  },
});

/** A scripted sink: what it took, and what it says to each batch. */
export interface ScriptedSink {
  readonly rows?: Record<string, unknown>[];
  readonly log?: { writes?: number; commits?: number[]; committedRows?: number; closed?: number };
  readonly answer?: (
    batch: Batch,
    write: number,
  ) => WriteResult | void | Promise<WriteResult | void>;
  readonly open?: () => Promise<void>;
  readonly commit?: (cut: Cut) => Promise<void>;
  readonly close?: () => Promise<void>;
}

export const scriptedSink: SinkDefinition & ((options: ScriptedSink) => SinkComponent<Fields>) =
  defineSink<(options: ScriptedSink) => SinkComponent<Fields>, ScriptedSink>({
    name: 'scripted',
    summary: 'Take batches as scripted.',
    options: (z) => z.custom<ScriptedSink>(),
    example: null,
    create: ({ rows, log = {}, answer, open, commit, close }) => {
      let taken = 0;
      return {
        open: async () => open?.(),
        write: async (batch) => {
          const write = log.writes ?? 0;
          log.writes = write + 1;
          const result = await answer?.(batch, write);
          if (result?.refused !== undefined || result?.notNow !== undefined) return result;
          const failed = new Set(result?.failed?.map(({ row }) => row));
          for (let at = 0; at < batch.length; at++) {
            const row = batch.rows[at]!;
            if (!failed.has(row)) rows?.push(batch.rowAt(row));
          }
          taken += batch.length;
          return result;
        },
        commit: async (cut) => {
          await commit?.(cut);
          (log.commits ??= []).push(cut.id);
          log.committedRows = taken;
        },
        close: async () => {
          log.closed = (log.closed ?? 0) + 1;
          await close?.();
        },
      };
    },
  });

export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** A builder in virtual time whose dead letters are thrown into `deadLetters`. */
export function testPipeline(
  settings: SettingsInput = {},
  deadLetters: Record<string, unknown>[] = [],
  outside: VirtualOutside = virtualOutside(),
): TypedPipelineBuilder {
  const sink = scriptedSink({ rows: deadLetters }) as unknown as SinkComponent;
  return new TypedPipelineBuilder('test', settings, { outside, deadLetters: sink });
}

/** A stage made of a function of its report. */
export function stageOf(
  create: (report: StageReport) => StageInstance,
  name = 'probe',
  outputs?: readonly string[],
): StageComponent<Fields, Fields> {
  const definition = defineStage<(options: object) => StageComponent<Fields, Fields>, object>({
    name,
    summary: 'A stage of a test.',
    options: (z) => z.looseObject({}),
    example: {},
    rows: 'fewer',
    ...(outputs && { outputs: () => outputs }),
    output: (input) => input,
    create: (_options, { report }) => create(report),
  });
  return definition({});
}

/** Every row that came into a component went exactly one way: the ledger's equation for each. */
export function expectClosedLedger({ components }: Pick<RunReport, 'components'>): void {
  const open = components.filter(
    ({ in: rowsIn, out, created, absorbed, dropped, dead, held }) =>
      rowsIn + created !== out + absorbed + dropped + dead + (held ?? NaN),
  );
  expect(open, 'components whose ledger does not close').toEqual([]);
}
