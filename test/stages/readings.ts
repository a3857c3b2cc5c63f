import {
  Batch,
  type Fields,
  type RecordOf,
  type Schema,
  schema,
  Selection,
} from '../../src/batch/index.ts';
import { isCut, type StageComponent } from '../../src/core/index.ts';
import { createStage, type TestedStage } from '../../src/testing/stage.ts';

export const readings: Schema<{
  readonly sensorId: 'category';
  readonly value: 'float64';
  readonly unit: 'category?';
  readonly quality: 'float64?';
  readonly note: 'text?';
  readonly flags: 'int32';
}> = schema({
  sensorId: 'category',
  value: 'float64',
  unit: 'category?',
  quality: 'float64?',
  note: 'text?',
  flags: 'int32',
});

export type Reading = RecordOf<(typeof readings)['shape']>;

/** A reading whose every field follows from its number. */
export function readingOf(at: number): Reading {
  return {
    sensorId: `s${at % 7}`,
    value: at,
    unit: at % 5 === 0 ? null : at % 2 === 0 ? 'C' : 'K',
    quality: at % 3 === 0 ? null : at / 4,
    note: at % 4 === 0 ? null : `note ${at}`,
    flags: at,
  };
}

export function readingsFrom(first: number, count: number): Reading[] {
  return Array.from({ length: count }, (_, at) => readingOf(first + at));
}

/** A batch that stores all records, of which only the rows of the given indexes count. */
export function selecting(records: readonly Reading[], rows: readonly number[]): Batch {
  return Batch.from(records, readings).select(new Selection(Uint32Array.from(rows), rows.length));
}

/** The rows that come of one batch, together, whatever the output. */
export async function rowsThrough(
  stage: TestedStage,
  ...batches: readonly Batch[]
): Promise<Record<string, unknown>[]> {
  const flows = await stage.run(batches);
  return flows.flatMap((flow) => (isCut(flow) ? [] : flow.toRows()));
}

/** The ledger of one stage: in + created = out + absorbed + dropped + dead. */
export function balanceOf(
  { tally }: TestedStage,
  rowsIn: number,
  rowsOut: number,
): { made: number; gone: number } {
  return {
    made: rowsIn + tally.createdRows,
    gone: rowsOut + tally.absorbedRows + tally.droppedRows + tally.dead,
  };
}

/** A stage for batches of `readings`, whose functions see their fields. */
export function onReadings<Out extends Fields>(
  component: StageComponent<(typeof readings)['shape'], Out>,
): TestedStage {
  return createStage(component, readings);
}
