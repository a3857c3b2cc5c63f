import {
  buildPipeline,
  checkStages,
  consoleSink,
  movingAverage,
  type Pipeline,
  pipeline,
  simulateSource,
  threshold,
  validatePipeline,
  ValidationError,
} from 'millrace';

const source = simulateSource({ sensors: 1, count: 40, realTime: false, seed: 7, startMs: 0 });
const warm = threshold({ field: 'value', min: 18 });
const smooth = movingAverage({ field: 'value', window: 3, into: 'average' });
const sink = consoleSink({ format: 'text', limit: 3 });

/** Its author thought of `process`, which no pipeline calls. */
class BrokenStage {
  process(value: number): number {
    return value * 2;
  }
}

const builder = pipeline('thermometer').setSource(source).addStage(warm);
const ids = (built: Pick<Pipeline, 'describe'>): string => {
  const { sources, stages, sinks } = built.describe();
  return [...sources, ...stages, ...sinks].map(({ id }) => id).join(' → ');
};

console.log('built so far:', ids(builder));
try {
  // @ts-expect-error the compiler refuses it as well: it has no `transform`
  builder.addStage(new BrokenStage());
} catch (error) {
  if (!(error instanceof ValidationError)) throw error;
  console.log('refused:', error.problems[0]?.text);
}
console.log('built still: ', ids(builder));

// It goes on from where it was.
const good = await builder.addStage(smooth).setSink(sink).build();
console.log('runs:        ', ids(good));
const report = await good.run();
console.log(`${report.status}: ${report.recordsIn} in, ${report.recordsOut} out`);

// The same checks for a chain that is in no builder.
console.log('\nchain:', checkStages([warm, smooth]).length, 'problems');
for (const problem of checkStages([warm, new BrokenStage(), sink])) console.log('chain:', problem);
console.log(validatePipeline(source, [warm, smooth], sink));
try {
  validatePipeline({ read: () => 1 }, [new BrokenStage()], { write: () => {} });
} catch (error) {
  console.log(String(error));
}

// A pipeline is its records. Leaving the loop ends the run and closes everything.
const readings = await buildPipeline(source, [warm, smooth]);
for await (const record of readings) {
  console.log('\nfirst:', JSON.stringify(record), Object.isFrozen(record));
  break;
}
