import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { Worker } from 'node:worker_threads';

import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { LaneWorkers } from '../../src/cluster/lane-workers.ts';
import type { Position } from '../../src/core/index.ts';
import type { Checkpoint, CheckpointStore, RunOptions } from '../../src/engine/index.ts';
import { startRun } from '../../src/engine/index.ts';
import { parseOverride } from '../../src/engine/config.ts';
import { chooseLanes } from '../../src/engine/plan/lanes.ts';
import { onLanes, readPipeline } from '../../src/pipeline.ts';
import { averages, struckDown, struckWindows } from './laned-pipelines.ts';

const timeout = 60_000;

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'millrace-lanes-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** Readings of some sensors, whose values no two lines share. */
function readings(rows: number, from = 0): string {
  let text = '';
  for (let at = from; at < from + rows; at++) {
    const value = ((at * 7919) % 10_007) / 100 + at / 1e7;
    text += `{"sensorId":"s${(at * 31) % 17}","at":${1_700_000_000_000 + at},"value":${value}}\n`;
  }
  return text;
}

const source = `source: { file: { path: in.ndjson, schema: { sensorId: category, at: timestamp, value: float64 } } }`;

async function start(file: string, lanes: number, options: RunOptions = {}) {
  const overrides = [parseOverride(`lanes=${lanes}`, 1)];
  const plan = await (await readPipeline(file, { overrides })).plan();
  return startRun(await onLanes(plan, { directory: dirname(file) }, options), options);
}

/** What this process holds open there, where the system tells. */
function openFilesIn(place: string): string[] {
  if (!existsSync('/proc/self/fd')) return [];
  const targets = readdirSync('/proc/self/fd').map((fd) => `/proc/self/fd/${fd}`);
  // That of the listing itself is gone.
  const files = targets.flatMap((path) => (existsSync(path) ? [readlinkSync(path)] : []));
  return files.filter((path) => path.startsWith(place));
}

async function run(file: string, lanes: number, options: RunOptions = {}) {
  return (await start(file, lanes, options)).done;
}

function diskCheckpoints(file: string): CheckpointStore {
  return {
    load: () =>
      Promise.resolve(
        existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Checkpoint) : undefined,
      ),
    save: (checkpoint) => {
      writeFileSync(file, JSON.stringify(checkpoint));
      return Promise.resolve();
    },
  };
}

/** How many bytes of its one file a source has read at a position. */
function readUpTo(position: Position | undefined, path: string): number {
  const { files = [], others = [] } = (position ?? {}) as {
    files?: { offset: number }[];
    others?: unknown[];
  };
  return files[0]?.offset ?? (others.length > 0 ? statSync(path).size : 0);
}

function linesByKey(text: string): Map<string, string[]> {
  const lines = text.split('\n').filter((line) => line !== '');
  return new Map([...Map.groupBy(lines, (line) => /"s\d+"/.exec(line)![0])].sort());
}

/** The figures that lanes must not change. */
function ledger(report: Awaited<ReturnType<typeof run>>) {
  return report.components.map((one) => ({
    id: one.id,
    in: one.in,
    out: one.out,
    dropped: one.droppedBy,
    dead: one.dead,
    counts: one.counts,
    errors: one.errors,
    unaccounted: one.unaccounted,
    bytes: one.bytes,
  }));
}

describe('a chain that keeps nothing', () => {
  const chain = `
stages:
  - threshold: { field: value, min: 10, max: 90 }
  - derive: { twice: { value: "value * 2", kind: float64 } }
sink: { file: { path: out.ndjson } }
deadLetters: { file: { path: dead.ndjson } }
`;

  test.each([2, 3])(
    'gives the same bytes and figures on %i lanes as on one',
    async (lanes) => {
      const place = await directory();
      const file = join(place, 'p.yaml');
      writeFileSync(file, source + chain);
      const bad = '{"sensorId":"s1","at":1,"value":"no"}\nno json\n\n';
      writeFileSync(
        join(place, 'in.ndjson'),
        readings(60_000) + bad + readings(60_000, 60_000).slice(0, -1),
      );
      const one = await run(file, 1);
      const [out, dead] = ['out', 'dead'].map((name) =>
        readFileSync(join(place, `${name}.ndjson`), 'utf8'),
      );
      const many = await run(file, lanes);
      expect(readFileSync(join(place, 'out.ndjson'), 'utf8') === out).toBe(true);
      expect(ledger(many)).toEqual(ledger(one));
      const withoutTime = (text: string) => text.replace(/"time":\d+,/g, '');
      expect(withoutTime(readFileSync(join(place, 'dead.ndjson'), 'utf8'))).toBe(
        withoutTime(dead!),
      );
      expect(many.recordsIn).toBe(120_002);
    },
    timeout,
  );

  test(
    'gives the same bytes where they are many times those that it reads, or one batch is many',
    async () => {
      const place = await directory();
      const file = join(place, 'p.yaml');
      const names = Array.from({ length: 12 }, (_, at) => at);
      const numbers = names.map((at) => `f${at}: { value: "value / ${at + 3}", kind: float64 }`);
      const texts = names.slice(9).map((at) => `t${at}: { value: note, kind: text }`);
      writeFileSync(
        file,
        `source: { file: { path: in.ndjson, schema: { note: text, value: float64 } } }
stages: [{ derive: { ${[...numbers, ...texts].join(', ')} } }]
sink: { file: { path: out.ndjson } }`,
      );
      // With its copies, beyond what a slot for output holds.
      const long = `{"note":"${'x'.repeat(900_000)}","value":1}\n`;
      let text = long;
      for (let at = 0; at < 40_000; at++) text += `{"note":"${at}","value":${at}}\n`;
      writeFileSync(join(place, 'in.ndjson'), text + long);
      const one = await run(file, 1);
      const out = readFileSync(join(place, 'out.ndjson'), 'utf8');
      const many = await run(file, 2);
      expect(readFileSync(join(place, 'out.ndjson'), 'utf8') === out).toBe(true);
      expect(out.length).toBeGreaterThan(4 * text.length);
      expect(ledger(many)).toEqual(ledger(one));
      expect(many.recordsOut).toBe(40_002);
    },
    timeout,
  );

  test(
    'reads CSV with line ends within quotes, and many files, as one lane does',
    async () => {
      const place = await directory();
      const file = join(place, 'p.yaml');
      writeFileSync(
        file,
        `source: { file: { path: "part-*.csv", schema: { name: text, value: "float64?" } } }
stages: [{ filter: { where: "value > 3" } }]
sink: { file: { path: out.csv } }`,
      );
      for (let part = 0; part < 4; part++) {
        let text = part % 2 === 0 ? 'name,value\n' : 'value,name\r\n';
        for (let at = 0; at < 20_000; at++) {
          const name = at % 7 === 0 ? `"a ""quoted""\nname, ${at}"` : `plain ${at}`;
          text += part % 2 === 0 ? `${name},${at % 10}\n` : `${at % 10},${name}\r\n`;
        }
        writeFileSync(join(place, `part-${part}.csv`), text);
      }
      const one = await run(file, 1);
      const out = readFileSync(join(place, 'out.csv'), 'utf8');
      const many = await run(file, 2);
      expect(readFileSync(join(place, 'out.csv'), 'utf8') === out).toBe(true);
      expect(ledger(many)).toEqual(ledger(one));
      expect(many.recordsIn).toBe(80_000);
    },
    timeout,
  );

  test(
    'goes through branches to several sinks, of which some encode nothing ahead',
    async () => {
      const place = await directory();
      const file = join(place, 'p.yaml');
      writeFileSync(
        file,
        `${source}
stages:
  - { id: side, branch: { routes: { high: "value > 50" }, otherwise: low } }
sinks:
  high: { from: side.high, file: { path: high.json } }
  low: { from: side.low, file: { path: low.csv } }`,
      );
      writeFileSync(join(place, 'in.ndjson'), readings(60_000));
      const one = await run(file, 1);
      const outs = () =>
        ['high.json', 'low.csv'].map((name) => readFileSync(join(place, name), 'utf8'));
      const before = outs();
      const many = await run(file, 2);
      expect(outs().map((text, at) => text === before[at])).toEqual([true, true]);
      expect(ledger(many)).toEqual(ledger(one));
    },
    timeout,
  );

  test(
    'tells of its lanes, each with what it has to do, and of times on all of them',
    async () => {
      const place = await directory();
      const file = join(place, 'p.yaml');
      writeFileSync(file, source + chain);
      writeFileSync(join(place, 'in.ndjson'), readings(50_000));
      const going = await start(file, 2);
      expect(going.topology().lanes).toMatchObject({
        count: 2,
        by: null,
        reason: 'no stage keeps anything',
      });
      const seen: string[][] = [];
      going.follow(({ lanes }) => void seen.push(lanes.map(({ id }) => id)));
      const report = await going.done;
      expect(seen.at(-1)).toEqual(['main', 'lane-1', 'lane-2']);
      const [, stage] = report.components;
      expect(stage!.busyMs).toBeGreaterThan(0);
      expect(stage!.work.count).toBeGreaterThanOrEqual(50_000 / 4096);
    },
    timeout,
  );

  test(
    'stops in the middle with all that it read committed',
    async () => {
      const place = await directory();
      const file = join(place, 'p.yaml');
      writeFileSync(
        file,
        `${source}\ncheckpoint: { everyMs: 20 }\nsink: { file: { path: out.ndjson } }`,
      );
      writeFileSync(join(place, 'in.ndjson'), readings(300_000));
      const going = await start(file, 2);
      while (going.stats().recordsIn === 0) await new Promise((resolve) => setImmediate(resolve));
      const report = await going.stop();
      expect(report.status).toBe('stopped');
      expect(report.recordsIn).toBeLessThan(300_000);
      expect(report.recordsOut).toBe(report.recordsIn);
      const lines = readFileSync(join(place, 'out.ndjson'), 'utf8').split('\n').length - 1;
      expect(lines).toBe(report.recordsOut);
    },
    timeout,
  );

  test(
    'goes on where a run with another number of lanes left off',
    async () => {
      const place = await directory();
      const file = join(place, 'p.yaml');
      const text = `${source}\ncheckpoint: { everyMs: 10 }\nsink: { file: { path: out.ndjson, mode: append } }`;
      writeFileSync(file, text);
      writeFileSync(join(place, 'in.ndjson'), readings(150_000));
      const store = diskCheckpoints(join(place, 'saved.json'));
      for (const lanes of [3, 1, 2]) {
        const going = await start(file, lanes, { store });
        const before = going.stats().recordsOut;
        while (going.stats().recordsOut === before && going.status !== 'done') {
          await new Promise((resolve) => setImmediate(resolve));
        }
        await going.stop();
      }
      await run(file, 2, { store });
      const once = join(place, 'once.yaml');
      writeFileSync(once, text.replace('out.ndjson, mode: append', 'once.ndjson'));
      await run(once, 1);
      const read = (name: string) => readFileSync(join(place, name), 'utf8');
      expect(read('out.ndjson') === read('once.ndjson')).toBe(true);
    },
    timeout,
  );
});

describe('a chain that keeps state by a field', () => {
  const keyed = `${source}
stages:
  - threshold: { field: value, min: 10 }
  - dedupe: { by: [sensorId, value] }
  - moving-average: { field: value, window: 20, by: sensorId, into: average }
sink: { file: { path: out.ndjson } }`;

  test.each([2, 3])(
    'gives each key the very rows of one lane on %i',
    async (lanes) => {
      const place = await directory();
      const file = join(place, 'p.yaml');
      writeFileSync(file, keyed);
      writeFileSync(join(place, 'in.ndjson'), readings(90_000));
      const one = await run(file, 1);
      const out = readFileSync(join(place, 'out.ndjson'), 'utf8');
      const many = await run(file, lanes);
      const again = readFileSync(join(place, 'out.ndjson'), 'utf8');
      expect(linesByKey(again)).toEqual(linesByKey(out));
      expect(ledger(many)).toEqual(ledger(one));
    },
    timeout,
  );

  test(
    'keeps its state over runs of as many lanes, and refuses another number',
    async () => {
      const place = await directory();
      const file = join(place, 'p.yaml');
      const text = `checkpoint: { everyMs: 10 }\n${keyed.replace('out.ndjson }', 'out.ndjson, mode: append }')}`;
      writeFileSync(file, text);
      writeFileSync(join(place, 'in.ndjson'), readings(200_000));
      const store = diskCheckpoints(join(place, 'saved.json'));
      const going = await start(file, 2, { store });
      while (going.stats().recordsOut === 0) await new Promise((resolve) => setImmediate(resolve));
      await going.stop();
      await expect(run(file, 3, { store })).rejects.toThrow(
        /was saved by 2 lanes, and the run has 3/,
      );
      await expect(run(file, 1, { store })).rejects.toThrow(
        /was saved by 2 lanes, and the run has 1; run it with `--lanes 2`/,
      );
      expect(openFilesIn(place)).toEqual([]);
      await run(file, 2, { store });
      const once = join(place, 'once.yaml');
      writeFileSync(once, keyed.replace('out.ndjson', 'once.ndjson'));
      await run(once, 1);
      const read = (name: string) => linesByKey(readFileSync(join(place, name), 'utf8'));
      expect(read('out.ndjson')).toEqual(read('once.ndjson'));
    },
    timeout,
  );

  test(
    'refuses state of keys that other lanes would have now',
    async () => {
      const place = await directory();
      const file = join(place, 'p.yaml');
      const average =
        '  - moving-average: { field: value, window: 20, by: sensorId, into: average }\n';
      writeFileSync(file, keyed.replace(average, ''));
      writeFileSync(join(place, 'in.ndjson'), readings(100));
      const store = diskCheckpoints(join(place, 'saved.json'));
      await run(file, 2, { store });
      writeFileSync(file, keyed);
      await expect(run(file, 2, { store })).rejects.toThrow(
        /\[dedupe\] its state was saved by lanes that had rows by \[sensorId,value\]/,
      );
    },
    timeout,
  );
});

describe('windows by a field', () => {
  /** As `readings`, some of them late, some far ahead of any clock. */
  function timed(rows: number, from = 0): string {
    let text = '';
    for (let at = from; at < from + rows; at++) {
      const behind = at % 1009 === 0 ? 9000 : (at * 7) % 300;
      const time = at % 30_011 === 7 ? 1e15 : 1_700_000_000_000 + at - behind;
      text += `{"sensorId":"s${(at * 31) % 17}","at":${time},"value":${((at * 7919) % 10_007) / 100}}\n`;
    }
    return text;
  }

  const windows = (ends = '{ path: out.ndjson }') => `
source:
  file: { path: "in-*.ndjson", schema: { sensorId: category, at: timestamp, value: float64 } }
  eventTime: { field: at, lateMs: 500 }
checkpoint: { everyMs: 20, rowsMax: 20000 }
stages:
  - threshold: { field: value, min: 10 }
  - window: { time: at, every: 100ms, over: 300ms, by: sensorId, compute: { n: count(), dev: stddev(value), p95: p95(value) } }
  - moving-average: { field: n, window: 3, by: sensorId, into: rolling }
sink: { file: ${ends} }
deadLetters: { file: { path: dead.ndjson } }
`;

  async function place(text: string) {
    const made = await directory();
    const file = join(made, 'p.yaml');
    writeFileSync(file, text);
    writeFileSync(join(made, 'in-1.ndjson'), timed(70_000) + 'no json\n');
    writeFileSync(join(made, 'in-2.ndjson'), timed(50_000, 70_000));
    const read = (name: string) => readFileSync(join(made, name), 'utf8');
    return { made, file, read };
  }

  /** What was refused, wherever it stands. */
  function refused(text: string): string[] {
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => line.replace(/"time":\d+,/, '')).sort();
  }

  test.each([2, 3])(
    'are for each key the very windows of one lane on %i, and so are late rows',
    async (lanes) => {
      const { file, read } = await place(windows());
      const one = await run(file, 1);
      const [out, dead] = [linesByKey(read('out.ndjson')), refused(read('dead.ndjson'))];
      const many = await run(file, lanes);
      expect(many.components.find(({ id }) => id === 'window')!.in).toBeGreaterThan(100_000);
      expect(linesByKey(read('out.ndjson'))).toEqual(out);
      expect(refused(read('dead.ndjson'))).toEqual(dead);
      expect(dead.length).toBeGreaterThan(100);
      expect(ledger(many)).toEqual(ledger(one));
    },
    timeout,
  );

  test(
    'are completed by a run that goes on where another stopped, on as many lanes',
    async () => {
      const { made, file, read } = await place(windows('{ path: out.ndjson, mode: append }'));
      const store = diskCheckpoints(join(made, 'saved.json'));
      const going = await start(file, 2, { store });
      while (going.stats().recordsOut === 0) await new Promise((resolve) => setImmediate(resolve));
      await going.stop();
      await expect(run(file, 3, { store })).rejects.toThrow(/was saved by 2 lanes/);
      await run(file, 2, { store });
      const once = join(made, 'once.yaml');
      writeFileSync(once, windows('{ path: once.ndjson }'));
      await run(once, 1, { store: diskCheckpoints(join(made, 'other.json')) });
      expect(linesByKey(read('out.ndjson'))).toEqual(linesByKey(read('once.ndjson')));
      const other = diskCheckpoints(join(made, 'other.json'));
      await expect(run(once, 2, { store: other })).rejects.toThrow(/was saved by 1 lane,/);
    },
    timeout,
  );

  test(
    'are all given, and none wrong, where a lane ends by itself and another run goes on',
    async () => {
      const { made, read } = await place('');
      writeFileSync(join(made, 'in-1.ndjson'), timed(700_000));
      const paths = { in: join(made, 'in-1.ndjson'), out: join(made, 'out.ndjson') };
      vi.stubEnv('LANED_PATHS', JSON.stringify(paths));
      vi.stubEnv('LANED_AFTER', join(made, 'strike'));
      onTestFinished(() => void vi.unstubAllEnvs());
      const store = diskCheckpoints(join(made, 'saved.json'));
      const striking: CheckpointStore = {
        load: () => store.load(),
        save: async (checkpoint) => {
          await store.save(checkpoint);
          writeFileSync(join(made, 'strike'), '');
        },
      };
      const module = {
        url: new URL('./laned-pipelines.ts', import.meta.url),
        name: 'struckWindows',
      };
      const failing = struckWindows().run({ lanes: 2, module, store: striking });
      await expect(failing).rejects.toThrow(/ERR_LANE_FAILED/);
      vi.stubEnv('LANED_AFTER', '');
      const report = await struckWindows().run({ lanes: 2, module, store });
      expect(report.status).toBe('done');
      const struck = new Set(read('out.ndjson').split('\n'));
      vi.stubEnv('LANED_PATHS', JSON.stringify({ ...paths, out: join(made, 'once.ndjson') }));
      await struckWindows().run();
      expect(struck).toEqual(new Set(read('once.ndjson').split('\n')));
    },
    timeout,
  );
});

describe('threads that are begun before the plan', () => {
  const at = new URL('../../src/lane-thread.ts', import.meta.url);

  async function planned(stages: string) {
    const place = await directory();
    const file = join(place, 'p.yaml');
    writeFileSync(file, `${source}\n${stages}\nsink: { file: { path: out.ndjson } }`);
    writeFileSync(join(place, 'in.ndjson'), readings(5000));
    const overrides = [parseOverride('lanes=2', 1)];
    const workers = new LaneWorkers(at);
    const started: Worker[] = [];
    const begun = () => started.map(({ threadId }) => threadId);
    process.on('worker', (worker) => started.push(worker));
    onTestFinished(() => void process.removeAllListeners('worker'));
    workers.begin(2);
    await vi.waitUntil(() => started.length === 2);
    return { place, plan: await (await readPipeline(file, { overrides })).plan(), workers, begun };
  }

  test(
    'are those of its lanes',
    async () => {
      const { place, plan, workers, begun } = await planned(
        'stages: [{ filter: { where: "value > 3" } }]',
      );
      const before = begun();
      await (
        await startRun(await onLanes(plan, { directory: place }, {}, workers))
      ).done;
      expect(begun().length).toBe(before.length);
      const lines = readFileSync(join(place, 'out.ndjson'), 'utf8').split('\n');
      expect(lines.length).toBeGreaterThan(4000);
    },
    timeout,
  );

  test(
    'end where the plan has one lane',
    async () => {
      const { place, plan, workers, begun } = await planned('stages: [{ sample: { rate: 0.5 } }]');
      expect((await onLanes(plan, { directory: place }, {}, workers)).lanes?.count).toBe(1);
      await vi.waitUntil(() => begun().every((id) => id === -1), { timeout });
    },
    timeout,
  );
});

describe('a pipeline in code', () => {
  const url = new URL('./laned-pipelines.ts', import.meta.url);

  async function place(rows: number) {
    const made = await directory();
    const paths = { in: join(made, 'in.ndjson'), out: join(made, 'out.ndjson') };
    writeFileSync(paths.in, readings(rows));
    vi.stubEnv('LANED_PATHS', JSON.stringify(paths));
    onTestFinished(() => void vi.unstubAllEnvs());
    return paths;
  }

  test(
    'runs on lanes that import it by the name of its export',
    async () => {
      const { out } = await place(40_000);
      await averages().run();
      const one = linesByKey(readFileSync(out, 'utf8'));
      const going = await averages().start({ lanes: 2, module: { url, name: 'averages' } });
      expect(going.topology().lanes).toMatchObject({ count: 2, by: ['sensorId'] });
      await going.done;
      expect(linesByKey(readFileSync(out, 'utf8'))).toEqual(one);
    },
    timeout,
  );

  test('runs on one lane where no module is named, and says so', async () => {
    await place(10);
    const going = await averages().start({ lanes: 2 });
    const said: unknown[] = [];
    going.listen(({ name, fields }) => name === 'lanes.chosen' && said.push(fields));
    const { count, reason } = going.topology().lanes;
    expect({ count, reason }).toEqual({
      count: 1,
      reason: 'it is written in code, and `module` does not say where a lane finds it',
    });
    await going.done;
    expect(said).toEqual([{ lanes: 1, reason }]);
  });

  test(
    'does not run where the module has another pipeline, or none',
    async () => {
      await place(10);
      const run = (name: string) => averages().run({ lanes: 2, module: { url, name } });
      await expect(run('others')).rejects.toThrow(/exports no pipeline as `others`/);
      vi.stubEnv('LANED_HOW', 'refuse');
      await expect(run('struckDown')).rejects.toThrow(/has another pipeline than the run/);
    },
    timeout,
  );

  test.each([
    ['exit', /ERR_LANE_FAILED \[lane-\d\] its thread ended: it exited with code 3/],
    ['throw', /ERR_LANE_FAILED \[lane-\d\] its thread ended: nobody catches this/],
    ['refuse', /ERR_STAGE_FAILED \[strike\] failed on a whole batch: Error/],
  ])(
    'fails with what a lane was struck down by: %s',
    async (how, error) => {
      const { out, in: input } = await place(800_000);
      const after = `${out}.saved`;
      vi.stubEnv('LANED_HOW', how);
      vi.stubEnv('LANED_AFTER', after);
      const saved: Checkpoint[] = [];
      const store = {
        load: () => Promise.resolve(undefined),
        save: (checkpoint: Checkpoint) => {
          saved.push(checkpoint);
          writeFileSync(after, '');
          return Promise.resolve();
        },
      };
      const failing = struckDown().run({ lanes: 2, module: { url, name: 'struckDown' }, store });
      await expect(failing).rejects.toThrow(error);
      // What was told as safe is in the file, whole and in order.
      const safe = readFileSync(input)
        .subarray(0, readUpTo(saved.at(-1)?.positions['file'], input))
        .toString();
      const rows = safe.split('\n').length - 1;
      expect(rows).toBeGreaterThan(0);
      const written = readFileSync(out, 'utf8').split('\n').slice(0, rows);
      const idsOf = (lines: string[]) => lines.map((line) => JSON.parse(line).value as number);
      expect(idsOf(written)).toEqual(idsOf(safe.split('\n').slice(0, rows)));
    },
    timeout,
  );

  test(
    'goes on behind what was saved when its process was killed',
    async () => {
      const made = await directory();
      const file = join(made, 'p.yaml');
      const text = `${source}\ncheckpoint: { everyMs: 5 }\nsink: { file: { path: out.ndjson, mode: append } }`;
      writeFileSync(file, text);
      writeFileSync(join(made, 'in.ndjson'), readings(400_000));
      const child = spawn(process.execPath, [
        join(import.meta.dirname, 'killed-run.ts'),
        file,
        made,
      ]);
      const ended = once(child, 'exit');
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await ended;
      const store = diskCheckpoints(join(made, 'saved.json'));
      const { positions } = (await store.load())!;
      expect(readUpTo(positions['file'], join(made, 'in.ndjson'))).toBeGreaterThan(0);
      await run(file, 3, { store });
      const valuesOf = (name: string) =>
        new Set(
          readFileSync(join(made, name), 'utf8')
            .split('\n')
            .map((line) => /"value":[^}]*/.exec(line)?.[0]),
        );
      expect(valuesOf('out.ndjson')).toEqual(valuesOf('in.ndjson'));
    },
    timeout,
  );
});

describe('the number of lanes', () => {
  const choose = async (text: string, lanes: string, limits = {}) => {
    const place = await directory();
    const file = join(place, 'p.yaml');
    writeFileSync(
      file,
      `${source}\nlanes: ${lanes}\nsink: { file: { path: out.ndjson } }\n${text}`,
    );
    writeFileSync(join(place, 'in.ndjson'), readings(1));
    return chooseLanes(await (await readPipeline(file)).plan(), limits);
  };

  test.each([
    ['', '1', 'no more are asked for'],
    [
      'stages: [{ moving-average: { field: value, window: 5 } }]',
      '2',
      '`moving-average` keeps state over all rows',
    ],
    [
      'stages: [{ dedupe: { by: sensorId } }, { moving-average: { field: value, window: 5, by: at } }]',
      '2',
      '`dedupe`, `moving-average` keep state by fields of which none is the same',
    ],
    [
      'stages: [{ rename: { fields: { sensorId: id } } }, { dedupe: { by: id } }]',
      '2',
      '`file` does not have `id` yet',
    ],
    [
      'stages: [{ derive: { sensorId: { value: "sensorId", kind: category } } }, { dedupe: { by: sensorId } }]',
      '2',
      '`derive` may write `sensorId`, by which state is kept behind it',
    ],
    ['stages: [{ sample: { rate: 0.5 } }]', '2', '`sample` keeps state over all rows'],
  ])('%s on %s: one, since %s', async (stages, lanes, reason) => {
    expect(await choose(stages, lanes)).toEqual({ count: 1, by: null, reason });
  });

  test.each([
    [
      'by: sensorId, ',
      { count: 2, by: ['sensorId'], reason: '`window` keeps state by `sensorId`' },
    ],
    ['', { count: 1, by: null, reason: '`window` keeps state over all rows' }],
  ])('of windows: as that of other state (%s)', async (by, choice) => {
    const place = await directory();
    const file = join(place, 'p.yaml');
    const timed = source.replace(/ }$/, ', eventTime: { field: at } }');
    const stage = `window: { time: at, every: 1m, ${by}compute: { n: count() } }`;
    const text = `${timed}\nlanes: 2\nstages: [{ ${stage} }]\nsink: { file: { path: out.ndjson } }\n`;
    writeFileSync(file, text);
    writeFileSync(join(place, 'in.ndjson'), readings(1));
    expect(chooseLanes(await (await readPipeline(file)).plan(), {})).toEqual(choice);
  });

  test('is what is wanted where rows can be routed by what all state is kept by', async () => {
    const stages =
      'stages: [{ dedupe: { by: [at, sensorId] } }, { moving-average: { field: value, window: 5, by: sensorId } }]';
    const reason = '`dedupe`, `moving-average` keep state by `sensorId`';
    expect(await choose(stages, '4')).toEqual({ count: 4, by: ['sensorId'], reason });
    expect(await choose('', '3', { recordsMax: 5 })).toMatchObject({ count: 1 });
  });
});
