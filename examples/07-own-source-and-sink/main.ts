import { Batch, isCut, pipeline, positionCut, schema, type Sink, type Source } from 'millrace';

const events = schema({ sequence: 'int64', celsius: 'float64' });
type Events = (typeof events)['shape'];

const connected: string[] = [];
const acknowledged: string[] = [];
const stored: string[] = [];

/** A device with 10 events, whose connection breaks once. Positions are sequence numbers. */
function deviceSource(): Source<Events> {
  let broken = false;
  return {
    schema: events,
    // Called again with the last position after a throw, or by a run that resumes.
    async *stream({ from, signal }) {
      connected.push(from === undefined ? 'from the beginning' : `from ${Number(from)}`);
      for (let at = Number(from ?? 0); at < 10; at += 2) {
        signal.throwIfAborted();
        if (at === 6 && !broken) {
          broken = true;
          throw new Error('the connection broke');
        }
        const rows = [at, at + 1].map((n) => ({ sequence: BigInt(n), celsius: 20 + n / 10 }));
        yield Batch.from(rows, events, { position: at });
        // Everything before this cut is covered by the position.
        yield positionCut(at + 2);
      }
    },
    // Every sink has committed what came before: the device may forget it.
    acknowledge(position) {
      acknowledged.push(`up to ${Number(position)}`);
      return Promise.resolve();
    },
  };
}

/** Collects lines and "stores" them at each cut. */
function ledgerSink(): Sink<Events> {
  return {
    async consume(stream) {
      let waiting: string[] = [];
      for await (const flow of stream) {
        if (isCut(flow)) {
          stored.push(`at a cut: ${waiting.join(' ')}`);
          waiting = [];
        } else {
          for (const { sequence, celsius } of flow.toRows()) waiting.push(`${sequence}=${celsius}`);
        }
      }
    },
  };
}

// A cut every four rows; by default there is one every second or 100,000 rows.
const report = await pipeline('own-ends', { checkpoint: { rowsMax: 4, everyMs: 60_000 } })
  .from(deviceSource(), { id: 'device' })
  .to(ledgerSink(), { id: 'ledger' })
  .run();
for (const [what, times] of Object.entries({ connected, stored, acknowledged })) {
  for (const time of times) console.log(what, time);
}
console.log(`${report.status}: ${report.recordsIn} in, ${report.recordsOut} out`);
