import assert from 'node:assert/strict';

import {
  Batch,
  deadLetterSchema,
  derive,
  float64,
  memorySink,
  memorySource,
  pipeline,
  type RecordOf,
  schema,
  type Source,
  type SourceComponent,
} from 'millrace';
import { type RunStats, StructuredLogger } from 'millrace/observe';

const messages = schema({ device: 'category', payload: 'text' });
type Messages = (typeof messages)['shape'];
type Letter = RecordOf<(typeof deadLetterSchema)['shape']>;

interface Failure {
  readonly eventId: string;
  readonly stage: string;
  readonly reason: string;
  readonly message: string;
}

interface Played {
  readonly failures: readonly Failure[];
  readonly letters: readonly Letter[];
  readonly stats: RunStats;
}

/** Reads a number out of each message of a source; what is no JSON fails. */
async function play(source: Source<Messages> | SourceComponent<Messages>): Promise<Played> {
  const lines: Record<string, string>[] = [];
  const log = new StructuredLogger({ write: (line) => lines.push(JSON.parse(line)) });
  const dead = memorySink({ schema: deadLetterSchema });
  const run = await pipeline('failed-records')
    .deadLetters(dead)
    .from(source, { id: 'devices' })
    .pipe(
      derive({
        celsius: float64((row) => (JSON.parse(row.payload) as { celsius: number }).celsius),
      }),
    )
    .to(memorySink())
    .start({ log });
  await run.done;
  const failures = lines
    .filter(({ event }) => event === 'record.failed')
    .map(({ eventId, stage, reason, message, status, offset, ...rest }) => {
      assert.equal(status, 'failed');
      assert.equal(typeof offset, 'number');
      assert.ok(!('payload' in rest || 'record' in rest));
      return { eventId, stage, reason, message } as Failure;
    });
  return { failures, letters: dead.rows, stats: run.stats() };
}

/** Gives the records of dead letters again, each as it came: so it has the same id. */
function replay(letters: readonly Letter[]): Source<Messages> {
  return {
    schema: messages,
    async *stream() {
      for (const { source, partition, position, record } of letters) {
        const row = JSON.parse(record) as RecordOf<Messages>;
        yield Batch.from([row], messages, { source, partition, position });
      }
    },
  };
}

const rows = Array.from({ length: 2000 }, (_, at) => {
  const whole = JSON.stringify({ celsius: 20 + (at % 7) });
  return { device: `d${at % 5}`, payload: at % 100 === 41 ? whole.slice(0, -1) : whole };
});
const first = await play(memorySource({ rows, schema: messages }));
const again = await play(replay(first.letters));

for (const { failures, letters, stats } of [first, again]) {
  const {
    in: rowsIn,
    out,
    dead,
    errorRate,
  } = stats.components.find(({ kind }) => kind === 'stage')!;
  console.log(`${rowsIn} in = ${out} out + ${dead} dead; ${errorRate! * 100} % failed`);
  console.log(`  ${failures.length} lines, ${letters.length} dead letters`);
  // Lines and dead letters equal the ledger's, one by one.
  assert.equal(failures.length, dead);
  assert.deepEqual(
    failures.map(({ eventId, reason }) => [eventId, reason]),
    letters.map(({ recordId, reason }) => [recordId, reason]),
  );
  assert.deepEqual(
    stats.lastFailures.map(({ eventId }) => eventId),
    failures.slice(-20).map(({ eventId }) => eventId),
  );
}
const [failure] = first.failures;
console.log(`\nthe first: ${failure!.eventId} in ${failure!.stage}, ${failure!.reason}`);
// What a function throws may quote the record: of that the log has the class alone.
console.log(`  in the log: ${failure!.message}`);
console.log(`  in its dead letter: ${first.letters[0]!.message}`);

assert.equal(first.failures.length, 20);
assert.deepEqual(again.failures, first.failures);
console.log('\nplayed again, the same ids fail for the same reasons');
