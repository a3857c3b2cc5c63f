import { schema, type Schema } from '../batch/index.ts';

/** The fields of one reading of one sensor, whatever it measures. */
export type ReadingFields = {
  readonly sensorId: 'category';
  readonly timestamp: 'timestamp';
  readonly value: 'float64';
  readonly unit: 'category';
};

/** The schema that sources of sensor readings share, so that their streams can be merged. */
export const readingSchema: Schema<ReadingFields> = schema({
  sensorId: 'category',
  timestamp: 'timestamp',
  value: 'float64',
  unit: 'category',
});
