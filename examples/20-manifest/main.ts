import { writeFile } from 'node:fs/promises';

import {
  Batch,
  type Fields,
  type Flow,
  formatProblem,
  isCut,
  memorySource,
  pipeline,
  PipelineRegistry,
  type RecordOf,
  schema,
  type Sink,
  type Stage,
  ValidationError,
} from 'millrace';
import { register } from 'millrace/decorators';

const readings = schema({ sensorId: 'text', value: 'float64' });
const normalized = readings.with({ normalized: 'float64' });
type Readings = (typeof readings)['shape'];
type Normalized = (typeof normalized)['shape'];

/** Makes rows of the rows of each batch; cuts go on as they come. */
async function* eachBatch<In extends Fields, Out extends Fields>(
  stream: AsyncIterable<Flow<In>>,
  change: (rows: RecordOf<In>[]) => Batch<Out>,
): AsyncGenerator<Flow<Out>> {
  for await (const flow of stream) {
    if (isCut(flow)) {
      yield flow;
      continue;
    }
    const changed = change(flow.toRows());
    flow.release();
    yield changed;
  }
}

@register({ type: 'stage', summary: 'Keep readings whose value is within limits.' })
class ThresholdFilter implements Stage<Readings> {
  readonly #limits: readonly [min: number, max: number];

  constructor(minVal: number, maxVal: number) {
    this.#limits = [minVal, maxVal];
  }

  transform(stream: AsyncIterable<Flow<Readings>>): AsyncIterable<Flow<Readings>> {
    const [min, max] = this.#limits;
    return eachBatch(stream, (rows) =>
      Batch.from(
        rows.filter(({ value }) => value >= min && value <= max),
        readings,
      ),
    );
  }
}

@register({ type: 'stage', summary: 'Scale values to 0 … 1 within a window of the last ones.' })
class WindowNormalizer implements Stage<Readings, Normalized> {
  readonly output = () => normalized;
  readonly #windowSize: number;

  constructor(windowSize = 50) {
    this.#windowSize = windowSize;
  }

  transform(stream: AsyncIterable<Flow<Readings>>): AsyncIterable<Flow<Normalized>> {
    const window: number[] = [];
    const scale = (value: number): number => {
      window.push(value);
      if (window.length > this.#windowSize) window.shift();
      const min = Math.min(...window);
      return (value - min) / (Math.max(...window) - min || 1);
    };
    return eachBatch(stream, (rows) =>
      Batch.from(
        rows.map((row) => ({ ...row, normalized: scale(row.value) })),
        normalized,
      ),
    );
  }
}

const features = {
  count: (values: readonly number[]) => values.length,
  mean: (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length,
  max: (values: readonly number[]) => Math.max(...values),
};

@register({ type: 'stage', summary: 'Add features of all values so far.' })
class FeatureComputer implements Stage<Normalized, Fields> {
  readonly #features: readonly (keyof typeof features)[];

  constructor(featureList: readonly (keyof typeof features)[]) {
    this.#features = featureList;
  }

  readonly output = () =>
    normalized.with(Object.fromEntries(this.#features.map((name) => [name, 'float64'])));

  transform(stream: AsyncIterable<Flow<Normalized>>): AsyncIterable<Flow<Fields>> {
    const values: number[] = [];
    const add = (row: RecordOf<Normalized>): object => {
      values.push(row.normalized);
      const made = this.#features.map((name) => [name, features[name](values)]);
      return { ...row, ...Object.fromEntries(made) };
    };
    return eachBatch(stream, (rows) => Batch.from(rows.map(add) as never[], this.output()));
  }
}

@register({ type: 'sink', summary: 'Write rows to a file, as JSON.' })
class JsonSink implements Sink {
  readonly #outputPath: string;
  readonly #indent: number;

  constructor(outputPath: string, prettyPrint = false) {
    this.#outputPath = outputPath;
    this.#indent = prettyPrint ? 2 : 0;
  }

  async consume(stream: AsyncIterable<Flow>): Promise<void> {
    const rows: unknown[] = [];
    for await (const flow of stream) if (!isCut(flow)) rows.push(...flow.toRows());
    await writeFile(this.#outputPath, `${JSON.stringify(rows, null, this.#indent)}\n`);
  }
}

const registry = new PipelineRegistry([
  ThresholdFilter,
  WindowNormalizer,
  FeatureComputer,
  JsonSink,
]);
registry.printManifest();
console.log('\nThe last one as JSON:', JSON.stringify(registry.generateManifest().at(-1)));

const rows = [5, 20, 35, 95, 50].map((value) => ({ sensorId: 's1', value }));
const begin = () => pipeline('chain').from(memorySource({ schema: readings, rows }));

const valid = begin()
  .pipe(new ThresholdFilter(10, 90), new WindowNormalizer(), new FeatureComputer(['mean', 'max']))
  .to(new JsonSink('features.json', true));
const plan = await valid.plan();
console.log('\nvalid:', [...plan.stages, ...plan.sinks].map(({ node }) => node.id).join(' → '));
const report = await valid.run();
console.log(`${report.status}: ${report.recordsIn} in, ${report.recordsOut} out`);

const sinks = [new JsonSink('first.json'), new JsonSink('second.json')] as const;
try {
  // @ts-expect-error the compiler refuses it as well: a sink is no stage
  begin().pipe(new ThresholdFilter(10, 90)).pipe(sinks[0]).to(sinks[1]);
} catch (error) {
  if (!(error instanceof ValidationError)) throw error;
  console.log('\nrefused:', error.problems.map(formatProblem).join('\n'));
}

try {
  registry.register(JsonSink);
} catch (thrown) {
  console.log('refused:', (thrown as Error).message);
}
