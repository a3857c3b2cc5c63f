import { Buffer } from 'node:buffer';

import { Batch, type Fields, schema } from '../../src/batch/index.ts';
import { ChunkCutter, ChunkDecoder, createDecoder } from '../../src/batch/codec.ts';
import {
  defineSource,
  endOfInput,
  type Position,
  type SourceComponent,
  type SourceConnector,
  type SourceContext,
  type SourceDefinition,
  type SourceSpec,
} from '../../src/core/index.ts';
import { untilAborted } from '../engine/ends.ts';

export const happened = schema({ at: 'timestamp?', sensor: 'category', value: 'float64?' });

export type HappenedFields = (typeof happened)['shape'];

export interface Happened {
  readonly at: number | null;
  readonly sensor: string;
  readonly value: number | null;
}

/** Rows of one partition that are read at once where lanes decode them. */
export interface GivenPiece {
  readonly partition: string;
  readonly rows: readonly Happened[];
  /** What the source says that it reads behind them. */
  readonly partitions?: readonly string[];
}

export interface PieceSource {
  readonly pieces: readonly GivenPiece[];
  /** Rows of a batch. */
  readonly batchRows: number;
  /** Waits for ever behind the last. */
  readonly endless?: boolean;
}

interface Part {
  readonly partition: string;
  readonly partitions: readonly string[] | undefined;
  readonly text: Uint8Array;
  /** Of its first byte in the partition. */
  readonly at: number;
}

/** What is read at once: whole pieces, or so many rows of one. */
function partsOf({ pieces }: PieceSource, rowsMax: number): Part[] {
  const offsets = new Map<string, number>();
  return pieces.flatMap(({ partition, partitions, rows }) => {
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
    const count = Math.max(1, Math.ceil(lines.length / rowsMax));
    return Array.from({ length: count }, (_, part): Part => {
      // A line that is blank is no record.
      const some = lines.slice(part * rowsMax, (part + 1) * rowsMax).join('') || '\n';
      const at = offsets.get(partition) ?? 0;
      const text = Buffer.from(some);
      offsets.set(partition, at + text.length);
      // It has not done with what it goes on to read.
      const isLast = part === count - 1;
      const reads = isLast ? partitions : partitions && [...new Set([...partitions, partition])];
      return { partition, partitions: reads, text, at };
    });
  });
}

/** Gives parts one after the other; its position is how many it gave. */
function connectorOf(
  parts: readonly Part[],
  endless: boolean,
  toBatch: (part: Part) => Batch,
): SourceConnector {
  let next = 0;
  const connector = {
    open: (from: Position | undefined) => {
      next = typeof from === 'number' ? from : 0;
      return Promise.resolve();
    },
    read: async (signal: AbortSignal) => {
      const part = parts[next];
      if (part === undefined && endless) await untilAborted(signal);
      if (part === undefined) return endOfInput;
      next++;
      return toBatch(part);
    },
    position: () => next,
    partitions: () => parts[next - 1]?.partitions ?? [],
    close: () => Promise.resolve(),
  };
  const says = parts.every(({ partitions }) => partitions !== undefined);
  const { partitions: _, ...silent } = connector;
  return says ? connector : silent;
}

function decoderOf({ id, report }: SourceContext, rowsMax: number): ChunkDecoder {
  return new ChunkDecoder((options) =>
    createDecoder('ndjson', happened, { source: id, report, rowsMax, ...options }),
  );
}

function chunkOf({ id, report }: SourceContext, { partition, text, at }: Part): Batch {
  const place = { source: id, partition, position: at };
  const cutter = new ChunkCutter('ndjson', happened, { ...place, report });
  cutter.push(text);
  return cutter.flush()!;
}

type Call = (options: PieceSource) => SourceComponent<HappenedFields>;

const decoded = {
  name: 'pieces',
  summary: 'Give pieces of partitions.',
  options: (z) => z.custom<PieceSource>(),
  example: null,
  whenPaused: 'hold',
  output: () => happened,
  create: (options, context) => {
    const decoder = decoderOf(context, 4096);
    return connectorOf(partsOf(options, options.batchRows), options.endless === true, (part) => {
      const [batch] = decoder.decode(chunkOf(context, part));
      const { partition } = part;
      return batch ?? Batch.from<Fields>([], happened, { source: context.id, partition });
    });
  },
} satisfies SourceSpec<PieceSource>;

/** A source whose records are decoded where they are read. */
export const decodedSource: SourceDefinition & Call = defineSource<Call, PieceSource>(decoded);

/** One whose records can be decoded on lanes, too. */
export const pieceSource: SourceDefinition & Call = defineSource<Call, PieceSource>({
  ...decoded,
  chunks: {
    refuse: () => undefined,
    create: (options, context) =>
      Promise.resolve(
        connectorOf(partsOf(options, Infinity), options.endless === true, (part) =>
          chunkOf(context, part),
        ),
      ),
    decode: ({ batchRows }, context) => Promise.resolve(decoderOf(context, batchRows)),
  },
});
