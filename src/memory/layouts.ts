import { toArrow } from '../batch/arrow.ts';
import { type Batch, BatchBuilder, type RecordOf, schema } from '../batch/index.ts';

/** A way to hold records of six fields in memory. */
export interface Layout {
  readonly name: string;
  readonly summary: string;
  readonly hold: RecordByRecord | InBlocks;
}

interface RecordByRecord {
  readonly create: (index: number) => object;
}

interface InBlocks {
  /** Begins anew, and gives what makes so many records from an index on, as one thing. */
  readonly begin: () => (from: number, count: number) => object | Promise<object>;
}

/** As many rows as a batch of the engine has at most. */
export const blockRows = 4096;

const sensorIds = Array.from({ length: 100 }, (_, sensor) => `probe-${sensor}`);
const units = ['C', 'V', '%'] as const;

// As read from a file or the network: few different texts, times, and numbers with a fraction.
// Texts are of one size in memory, so that each record says what all do.
const sensorIdOf = (index: number): string => sensorIds[index % sensorIds.length]!;
const timestampOf = (index: number): number => 1_767_225_600_000 + index * 1000;
const valueOf = (index: number): number => 20.5 + (index % 1000) / 7.3;
const unitOf = (index: number): string => units[index % units.length]!;
const qualityOf = (index: number): number => 0.5 + (index % 100) / 200.1;
const flagsOf = (index: number): number => index & 7;

class Reading {
  readonly sensorId: string;
  readonly timestamp: number;
  readonly value: number;
  readonly unit: string;
  readonly quality: number;
  readonly flags: number;

  constructor(index: number) {
    this.sensorId = sensorIdOf(index);
    this.timestamp = timestampOf(index);
    this.value = valueOf(index);
    this.unit = unitOf(index);
    this.quality = qualityOf(index);
    this.flags = flagsOf(index);
  }
}

class CorrectedReading extends Reading {
  readonly corrected: number;
  readonly notes: string | null = null;

  constructor(index: number) {
    super(index);
    this.corrected = this.value * 1.01;
  }
}

class TrimmedReading extends CorrectedReading {
  constructor(index: number) {
    super(index);
    delete (this as { unit?: string }).unit;
  }
}

function createLiteral(index: number): RecordOf<(typeof readings)['shape']> {
  return {
    sensorId: sensorIdOf(index),
    timestamp: timestampOf(index),
    value: valueOf(index),
    unit: unitOf(index),
    quality: qualityOf(index),
    flags: flagsOf(index),
  };
}

function createDictionary(index: number): object {
  const record = Object.create(null) as Record<string, string | number>;
  record['sensorId'] = sensorIdOf(index);
  record['timestamp'] = timestampOf(index);
  record['value'] = valueOf(index);
  record['unit'] = unitOf(index);
  record['quality'] = qualityOf(index);
  record['flags'] = flagsOf(index);
  return record;
}

function createMap(index: number): object {
  return new Map<string, string | number>([
    ['sensorId', sensorIdOf(index)],
    ['timestamp', timestampOf(index)],
    ['value', valueOf(index)],
    ['unit', unitOf(index)],
    ['quality', qualityOf(index)],
    ['flags', flagsOf(index)],
  ]);
}

const readings = schema({
  sensorId: 'category',
  timestamp: 'timestamp',
  value: 'float64',
  unit: 'category',
  quality: 'float64',
  flags: 'int32',
});

/** What makes batches as the engine's sources do: one behind the other, of shared dictionaries. */
function beginBatches(): (from: number, count: number) => Batch<(typeof readings)['shape']> {
  const builder = new BatchBuilder(readings);
  return (from, count) => {
    for (let index = from; index < from + count; index++) builder.append(createLiteral(index));
    return builder.finish();
  };
}

/** Every way that is compared, from the usual to the smallest. */
export const layouts: readonly Layout[] = [
  {
    name: 'class',
    summary: 'a class that sets its six fields in the constructor, always in one order',
    hold: { create: (index) => new Reading(index) },
  },
  {
    name: 'literal',
    summary: 'an object literal with the same fields',
    hold: { create: createLiteral },
  },
  {
    name: 'subclass, shape kept',
    summary: 'a subclass that adds `corrected` and `notes` in its constructor',
    hold: { create: (index) => new CorrectedReading(index) },
  },
  {
    name: 'subclass, shape lost',
    summary: 'the same, and then it deletes `unit`',
    hold: { create: (index) => new TrimmedReading(index) },
  },
  {
    name: 'dictionary',
    summary: 'an object without prototype, which V8 keeps as a dictionary from the start',
    hold: { create: createDictionary },
  },
  {
    name: 'Map',
    summary: 'a `Map` from names to values, which are no fields: its shape says nothing of them',
    hold: { create: createMap },
  },
  {
    name: 'columns',
    summary: `batches of ${blockRows} rows`,
    hold: { begin: beginBatches },
  },
  {
    name: 'Apache Arrow',
    summary: 'the same batches, as Arrow tables',
    hold: {
      begin: () => {
        const createBatch = beginBatches();
        return (from, count) => toArrow(createBatch(from, count));
      },
    },
  },
];
