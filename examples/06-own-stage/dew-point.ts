import {
  defineStage,
  type Fields,
  PipelineError,
  type StageComponent,
  type WithFields,
} from 'millrace';
import { FixedColumn, takeValues } from 'millrace/batch';

interface DewPointOptions<N extends string = string> {
  /** In degrees Celsius. */
  readonly temperature: N;
  /** Relative, in percent. */
  readonly humidity: N;
}

/** The names of the fields that are float64 and never null. */
type Measured<F extends Fields> = {
  [N in keyof F & string]: F[N] extends 'float64' ? N : never;
}[keyof F & string];

type DewPoint = <F extends Fields, const N extends Measured<F>>(
  options: DewPointOptions<N>,
) => StageComponent<F, WithFields<F, { readonly dewPoint: 'float64' }>>;

/** Adds the dew point in degrees Celsius, by the Magnus formula. */
export const dewPoint = defineStage<DewPoint, DewPointOptions>({
  name: 'dew-point',
  summary: 'Add the dew point of temperature and humidity.',
  // The options are checked by zod, which is handed in.
  options: (z) =>
    z.strictObject({
      temperature: z.string().describe('Field in degrees Celsius.'),
      humidity: z.string().describe('Field of relative humidity in percent.'),
    }),
  example: { temperature: 'celsius', humidity: 'humidity' },
  rows: 'same',
  // What comes out, found before data flows; what it throws is a problem of the pipeline.
  output: (input, { temperature, humidity }) => {
    for (const name of [temperature, humidity]) {
      const { kind, nullable } = input.field(name);
      if (kind === 'float64' && !nullable) continue;
      const fact = `field \`${name}\` is ${kind}${nullable ? '?' : ''}, not float64`;
      throw new PipelineError({ code: 'ERR_BATCH_SCHEMA', place: 'dew-point', fact });
    }
    return input.with({ dewPoint: 'float64' });
  },
  // The function that `create` gives takes a batch at a time: a plain loop over its columns.
  create:
    ({ temperature, humidity }, { output }) =>
    (batch) => {
      const { values: celsius } = batch.column(temperature) as FixedColumn<Float64Array>;
      const { values: percent } = batch.column(humidity) as FixedColumn<Float64Array>;
      const { rows, length } = batch;
      const points = takeValues(Float64Array, batch.rowsStored);
      for (let at = 0; at < length; at++) {
        const row = rows[at]!;
        const warmth = (17.62 * celsius[row]!) / (243.12 + celsius[row]!);
        const gamma = Math.log(percent[row]! / 100) + warmth;
        points[row] = (243.12 * gamma) / (17.62 - gamma);
      }
      return batch.withColumns(output, [...batch.columns, new FixedColumn('float64', points)]);
    },
});
