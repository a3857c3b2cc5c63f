import { createWriteStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';

import { BufferedStructuredLogger } from '../src/observe/log.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { perRecord, timeRounds } from './lib/rounds.ts';
import { pinoLog } from './peers/pino.ts';
import { winstonLog } from './peers/winston.ts';

type Fields = Readonly<Record<string, string | number | boolean>>;

/** A logger with three fields bound, at INFO, that writes to a file. */
export interface FileLog {
  info(event: string, fields: Fields): void;
  debug(event: string, fields: Fields): void;
  /** Resolves when all is in the file. */
  close(): Promise<void>;
}

type OpenLog = (path: string) => Promise<FileLog>;

export const logger: readonly Measure[] = [
  {
    id: 'logger.info.pino',
    title: 'a bound INFO record to a buffered file',
    peer: 'pino, buffered (`minLength: 4096`), synchronous writes, which were its fastest',
    unit: 'ns/record',
    target: { faster: 2 },
    run: (setting) => measureInfo(pinoLog, setting),
  },
  {
    id: 'logger.info.winston',
    title: 'a bound INFO record to a buffered file',
    peer: 'winston with `timestamp()` and `json()`, to the same kind of stream as ours',
    unit: 'ns/record',
    target: { faster: 6 },
    run: (setting) => measureInfo(winstonLog, setting),
  },
  {
    id: 'logger.debug.pino',
    title: 'a DEBUG record that is dropped',
    peer: 'pino at level `info`',
    unit: 'ns/record',
    target: { within: 3 },
    run: measureDebug,
  },
];

async function ourLog(path: string): Promise<FileLog> {
  const stream = createWriteStream(path);
  const log = new BufferedStructuredLogger({ stream, component: 'bench' }).bindContext({
    stageId: 'normalize',
    pipeline: 'boiler-room',
  });
  return {
    info: (event, fields) => log.info(event, fields),
    debug: (event, fields) => log.debug(event, fields),
    close: async () => {
      await log[Symbol.asyncDispose]();
      stream.end();
      await finished(stream);
    },
  };
}

const recordsPerTurn = 1000;

/** Opens a log, writes records a turn of the event loop at a time, and waits for the file. */
async function write(open: OpenLog, path: string, records: number): Promise<void> {
  const log = await open(path);
  for (let at = 0; at < records; at++) {
    const [value, rows] = [(at % 4096) / 64, at];
    log.info('batch.sent', { rows, value, sensor: 'temperature-1', isLate: false });
    if (at % recordsPerTurn === recordsPerTurn - 1) await setImmediate();
  }
  await log.close();
}

async function measureInfo(peer: OpenLog, { quick, directory }: Setting): Promise<Samples> {
  const records = quick ? 2000 : 100_000;
  const paths = { ours: join(directory, 'ours.ndjson'), peer: join(directory, 'peer.ndjson') };
  await checkSame(peer, paths);
  const pass = (open: OpenLog, path: string) => async () => {
    await write(open, path, records);
    return { records, sum: 0 };
  };
  const passes = { ours: pass(ourLog, paths.ours), peer: pass(peer, paths.peer) };
  const samples = await timeRounds(passes, { rounds: quick ? 3 : 21, warmupMs: quick ? 0 : 2000 });
  for (const path of Object.values(paths)) await rm(path);
  return perRecord(samples, records);
}

/** Both write the same records, whatever the order of their fields. */
async function checkSame(
  peer: OpenLog,
  paths: { readonly ours: string; readonly peer: string },
): Promise<void> {
  await write(ourLog, paths.ours, 10);
  await write(peer, paths.peer, 10);
  const [ours, theirs] = await Promise.all([paths.ours, paths.peer].map(namesIn));
  if (ours === theirs && ours !== '') return;
  throw new Error(`the records differ:\n${ours}\n${theirs}`);
}

/** Fields and values of all records, but the times, and the spelling of the level. */
async function namesIn(path: string): Promise<string> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return lines
    .map((line) => {
      const { message, event = message, ...others } = JSON.parse(line) as Record<string, unknown>;
      const level = String(others['level']).toUpperCase();
      const record = { ...others, event, level, timestamp: typeof others['timestamp'] };
      return JSON.stringify(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
    })
    .join('\n');
}

async function measureDebug({ quick, directory }: Setting): Promise<Samples> {
  const records = quick ? 10_000 : 2_000_000;
  const [ours, peer] = [
    await ourLog(join(directory, 'ours.ndjson')),
    await pinoLog(join(directory, 'peer.ndjson')),
  ];
  const passes = {
    ours: async () => dropWith(ours, records),
    peer: async () => dropWith(peer, records),
  };
  const samples = await timeRounds(passes, { rounds: quick ? 3 : 41, warmupMs: quick ? 0 : 500 });
  await Promise.all([ours.close(), peer.close()]);
  return perRecord(samples, records);
}

function dropWith(log: FileLog, records: number): { records: number; sum: number } {
  for (let at = 0; at < records; at++) log.debug('row.seen', { row: at, value: 1.5 });
  return { records, sum: 0 };
}
