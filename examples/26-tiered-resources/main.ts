import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { finished } from 'node:stream/promises';

import { seededRandom } from 'millrace';
import { StructuredLogger } from 'millrace/observe';
import { TieredPipelineContext, type TieredSummary } from 'millrace/resources';

interface Reading {
  readonly value: number;
}

interface Closing {
  readonly tier: string;
  readonly failedTier?: string;
}

interface Outcome {
  readonly summary: TieredSummary;
  readonly closings: readonly Closing[];
  readonly error: unknown;
}

const random = seededRandom(26);

/** Whoever reads the output: it takes what the sockets send. */
const reader = createServer((socket) => socket.resume());
await new Promise<void>((resolve) => reader.listen(0, '127.0.0.1', resolve));
const { port } = reader.address() as { readonly port: number };

async function openSocket(signal: AbortSignal): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', signal });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

/** Takes 20 random records through two stages, the second of which fails in a fifth of the runs. */
async function run(pipelineId: string): Promise<Outcome> {
  const records = Array.from({ length: 20 }, () => ({ value: Math.floor(random.next() * 100) }));
  const isBad = random.next() < 0.2;

  function keepAbove50(reading: Reading): Reading | undefined {
    return reading.value > 50 ? reading : undefined;
  }
  function double({ value }: Reading): Reading {
    if (isBad && value > 90) throw new RangeError(`${value} is more than it can double`);
    return { value: value * 2 };
  }

  const closings: Closing[] = [];
  const log = new StructuredLogger({
    write: (line) => {
      const { event, tier, failedTier } = JSON.parse(line) as Closing & { readonly event: string };
      if (event !== 'tier.closed') return;
      closings.push({ tier, ...(failedTier === undefined ? {} : { failedTier }) });
    },
  });
  const context = new TieredPipelineContext(pipelineId, { log })
    .tier('database', {
      open: () => {
        const database = new DatabaseSync('readings.db');
        database.exec('CREATE TABLE IF NOT EXISTS readings (value REAL)');
        return database;
      },
      close: (database) => database.close(),
    })
    .tier('log', {
      open: () => open('readings.log', 'a'),
      close: (file) => file.close(),
    })
    .tier('output', {
      open: openSocket,
      close: (socket) => finished(socket.end(), { readable: false }),
      openMsMax: 5000,
    });
  let failure: unknown;
  try {
    await using opened = await context.open();
    const { database, log: file, output } = opened.resources;
    const insert = database.prepare('INSERT INTO readings VALUES (?)');
    for (const { value } of await opened.run([keepAbove50, double], records)) {
      insert.run(value);
      await file.write(`${value}\n`);
      output.write(`${value}\n`);
    }
  } catch (error) {
    failure = error;
  }
  return { summary: context.summary(), closings, error: failure };
}

function show({ summary, closings, error }: Outcome): void {
  console.log(summary);
  for (const { tier, failedTier } of closings) {
    console.log(`closed ${tier}${failedTier === undefined ? '' : ` after ${failedTier} failed`}`);
  }
  if (error !== undefined) console.log(String(error));
  console.log();
}

const outcomes: Outcome[] = [];
for (let index = 1; index <= 50; index++) outcomes.push(await run(`boiler-${index}`));
reader.close();

const isFailed = ({ summary }: Outcome): boolean => summary.failedTier !== null;
const failed = outcomes.filter(isFailed);
show(outcomes.find((outcome) => !isFailed(outcome))!);
show(failed[0]!);
console.log(`${failed.length} of ${outcomes.length} runs failed`);

for (const { summary, closings, error } of outcomes) {
  assert.deepEqual(summary.tiersOpened, ['database', 'log', 'output']);
  assert.deepEqual(
    closings.map(({ tier }) => tier),
    ['output', 'log', 'database'],
  );
  assert.equal(error instanceof RangeError, summary.failedTier === 'double');
}
