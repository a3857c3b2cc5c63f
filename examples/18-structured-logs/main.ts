import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { finished } from 'node:stream/promises';

import { type LogLevel, memorySink, memorySource, pipeline, schema } from 'millrace';
import { BufferedStructuredLogger } from 'millrace/observe';
import { virtualOutside } from 'millrace/testing';

import { JumpCheck, Normalizer, RangeCheck } from './stages.ts';

const reading = schema({ id: 'int32', value: 'float64' });
const { random } = virtualOutside(18);
const rows = Array.from({ length: 2000 }, (_, id) => ({ id, value: random.next() * 100 }));

interface Logged {
  readonly records: number;
  readonly flushes: number;
  readonly largestBuffer: number;
  readonly byLevel: ReadonlyMap<string, number>;
  readonly firstWarning: string;
  readonly wallClockMs: number;
}

async function runAt(minLevel: LogLevel): Promise<Logged> {
  const path = `log-${minLevel}.ndjson`;
  // It has room for all of the log, so that the flushes are the same however slow the disk is.
  const stream = createWriteStream(path, { highWaterMark: 4 * 1024 * 1024 });
  const log = new BufferedStructuredLogger({ stream, minLevel, component: 'example' });
  const start = performance.now();
  await pipeline('logged', { batch: { rowsMax: 200 } })
    .from(memorySource({ schema: reading, rows }))
    .pipe(new RangeCheck('range', log, reading))
    .pipe(new Normalizer('normalize', log, reading))
    .pipe(new JumpCheck('jump', log, reading))
    .to(memorySink())
    .run();
  await log[Symbol.asyncDispose]();
  const wallClockMs = performance.now() - start;
  await finished(stream.end());

  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const records = lines.map((line) => JSON.parse(line) as Record<string, string>);
  for (const { stageId, timestamp } of records) {
    assert.match(stageId!, /^(range|normalize|jump)$/);
    assert.equal(new Date(timestamp!).toISOString(), timestamp);
  }
  assert.equal(log.droppedLines, 0);
  assert.equal(log.totalRecordsWritten, lines.length);
  const byLevel = Map.groupBy(records, ({ level }) => level!);
  return {
    records: log.totalRecordsWritten,
    flushes: log.totalFlushes,
    largestBuffer: log.maxBufferSizeReached,
    byLevel: new Map([...byLevel].map(([level, said]) => [level, said.length])),
    firstWarning: lines.find((line) => line.includes('"WARNING"'))!,
    wallClockMs,
  };
}

// The first run pays for the compiler.
await runAt('DEBUG');
const atInfo = await runAt('INFO');
const atDebug = await runAt('DEBUG');
assert.equal(atInfo.byLevel.get('DEBUG'), undefined);
assert.equal(atDebug.byLevel.get('DEBUG'), 3 * rows.length);
assert.ok(atDebug.records > 5 * atInfo.records);

function print(title: string, read: (logged: Logged) => string | number): void {
  const cells = [atInfo, atDebug].map((logged) => String(read(logged)).padStart(10));
  console.log(`${title.padEnd(16)}${cells.join('')}`);
}

console.log(`${atInfo.firstWarning}\n`);
console.log(`${' '.repeat(16)}${['INFO', 'DEBUG'].map((level) => level.padStart(10)).join('')}`);
print('records written', ({ records }) => records);
for (const level of ['DEBUG', 'INFO', 'WARNING']) {
  print(`  ${level}`, ({ byLevel }) => byLevel.get(level) ?? 0);
}
print('flushes', ({ flushes }) => flushes);
print('largest buffer', ({ largestBuffer }) => largestBuffer);
print('wall-clock time', ({ wallClockMs }) => `${wallClockMs.toFixed(1)} ms`);
