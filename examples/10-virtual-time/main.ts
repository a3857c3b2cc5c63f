import { intervalSource, mapAsync, memorySink, pipeline, type RunReport, schema } from 'millrace';
import { virtualOutside } from 'millrace/testing';

const answers = schema({ time: 'timestamp', tick: 'int64', tookMs: 'float64' });

interface Hour {
  readonly report: RunReport;
  readonly rows: readonly { time: number; tick: bigint; tookMs: number }[];
}

/** An hour in which a slow service is asked every ten seconds and answers within 20 seconds. */
async function hour(seed: number): Promise<Hour> {
  const outside = virtualOutside(seed);
  const { clock } = outside;
  const random = outside.random.fork('service');
  const ask = async (signal: AbortSignal): Promise<number> => {
    const tookMs = Math.round(random.next() * 20_000);
    await clock.sleep(tookMs, { signal });
    return tookMs;
  };
  const sink = memorySink({ schema: answers });
  // A cut waits for the calls before it, so there are fewer of them than one a second.
  const settings = { checkpoint: { everyMs: 60_000 } };
  const report = await pipeline('virtual-time', settings, { outside })
    .from(intervalSource({ everyMs: 10_000, count: 360 }))
    .pipe(
      mapAsync({
        schema: answers,
        concurrency: 4,
        timeoutMs: 18_000,
        map: async ({ time, tick }, signal) => ({ time, tick, tookMs: await ask(signal) }),
      }),
    )
    .to(sink)
    .run();
  return { report, rows: sink.rows };
}

const startMs = performance.now();
const first = await hour(7);
const realMs = performance.now() - startMs;

for (const { time, tick, tookMs } of first.rows.slice(0, 5)) {
  console.log(`${new Date(time).toISOString()} tick ${tick}: answered after ${tookMs} ms`);
}
const { recordsIn, recordsOut, deadLetters, durationMs } = first.report;
console.log('…');
console.log(`${recordsIn} ticks, ${recordsOut} answers, ${deadLetters} took too long`);
console.log(
  `${(durationMs / 60_000).toFixed(1)} minutes passed, in real time ${realMs.toFixed(0)} ms`,
);
const text = (rows: Hour['rows']): string =>
  rows.map(({ tick, tookMs }) => `${tick}:${tookMs}`).join();
console.log('the same seed, the same run:', text((await hour(7)).rows) === text(first.rows));
console.log('another seed, the same run:', text((await hour(8)).rows) === text(first.rows));
