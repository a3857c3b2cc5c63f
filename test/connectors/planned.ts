import * as z from 'zod';

import { Batch, type Fields, type RecordOf, type Schema } from '../../src/batch/index.ts';
import {
  type BatchLimits,
  Cut,
  endOfInput,
  isSink,
  isSource,
  type Logger,
  type Outside,
  type Position,
  type SinkComponent,
  type SinkConnector,
  type SourceComponent,
  type SourceConnector,
} from '../../src/core/index.ts';
import { defaultSettings } from '../../src/engine/index.ts';
import { Tally } from '../../src/engine/report.ts';
import { virtualOutside } from '../../src/testing/outside.ts';

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a connector is given on its own, outside any pipeline. */
export interface Bench {
  readonly outside?: Outside;
  readonly limits?: Partial<BatchLimits>;
  readonly from?: Position | undefined;
  /** Of the run of a sink; true unless given. */
  readonly savesPositions?: boolean;
}

export interface PlannedSource {
  readonly connector: SourceConnector;
  readonly output: Schema;
  readonly tally: Tally;
  readonly logged: LogLine[];
  /** The rows up to the end, as plain records. */
  rows(): Promise<Record<string, unknown>[]>;
}

/** Plans a source and opens it. */
export async function openSource(
  component: SourceComponent,
  bench: Bench = {},
): Promise<PlannedSource> {
  const { spec } = component.definition;
  const options = spec.options(z).parse(component.options) as never;
  const { context, logged, tally } = contextOf('source', bench);
  const output = await spec.output(options, context);
  const connector = await spec.create(options, { ...context, output, report: tally, idle });
  if (isSource(connector)) throw new Error('a stream, not a connector');
  try {
    await connector.open(bench.from, context.signal);
  } catch (error) {
    await connector.close();
    throw error;
  }
  const rows = async (): Promise<Record<string, unknown>[]> => {
    const records: Record<string, unknown>[] = [];
    for (;;) {
      const batch = await connector.read(context.signal);
      if (batch === endOfInput) break;
      records.push(...batch.toRows());
      batch.release();
    }
    await connector.close();
    return records;
  };
  return { connector, output, tally, logged, rows };
}

export interface PlannedSink<F extends Fields> {
  readonly connector: SinkConnector;
  readonly tally: Tally;
  readonly logged: LogLine[];
  write(rows: readonly RecordOf<F>[]): ReturnType<SinkConnector['write']>;
  commit(): Promise<void>;
  close(): Promise<void>;
}

/** Plans a sink for rows of a schema and opens it. */
export async function openSink<F extends Fields>(
  component: SinkComponent<F>,
  input: Schema<F>,
  bench: Bench = {},
): Promise<PlannedSink<F>> {
  const { spec } = component.definition;
  const options = spec.options(z).parse(component.options) as never;
  const { context, logged, tally } = contextOf('sink', bench);
  spec.check?.(input, options);
  const connector = await spec.create(options, { ...context, input, report: tally });
  if (isSink(connector)) throw new Error('a stream, not a connector');
  let cuts = 0;
  try {
    await connector.open(context.signal);
  } catch (error) {
    await connector.close();
    throw error;
  }
  return {
    connector,
    tally,
    logged,
    write: (rows) => connector.write(Batch.from(rows, input), context.signal),
    commit: () => connector.commit(new Cut(++cuts), context.signal),
    close: () => connector.close(),
  };
}

/** Writes rows, commits and closes. */
export async function writeAll<F extends Fields>(
  component: SinkComponent<F>,
  input: Schema<F>,
  rows: readonly RecordOf<F>[],
  bench: Bench = {},
): Promise<PlannedSink<F>> {
  const sink = await openSink(component, input, bench);
  await sink.write(rows);
  await sink.commit();
  await sink.close();
  return sink;
}

function contextOf(
  id: string,
  { outside = virtualOutside(), limits, savesPositions = true }: Bench,
) {
  const logged: LogLine[] = [];
  const context = {
    ...outside,
    id,
    log: collect(logged),
    signal: new AbortController().signal,
    batchLimits: { ...defaultSettings.batch, ...limits },
    savesPositions,
  };
  return { context, logged, tally: new Tally() };
}

function collect(into: LogLine[]): Logger {
  const at =
    (level: string) =>
    (event: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      void into.push({ level, event, fields });
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warning: at('warning'),
    error: at('error'),
    critical: at('critical'),
    bindContext: () => logger,
  };
  return logger;
}

function idle<T>(wait: Promise<T>): Promise<T> {
  return wait;
}
