import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { measureModule } from '../../src/memory/index.ts';

const records = fileURLToPath(new URL('own-records.ts', import.meta.url));

describe('a class of the user', () => {
  test('is measured in a process of its own, by `new` and the index', async () => {
    expect(await measureModule(records, 'Own', 10_000)).toMatchObject({
      instances: 10_000,
      hasFastShape: true,
      // Three words of header, two fields; the number in a box, null nowhere.
      shellBytes: 40,
      directBytes: 16,
      deepBytes: 56,
      retainedBytes: expect.closeTo(56, -0.5),
      peakMb: expect.closeTo(0.9, 0),
    });
    expect(await measureModule(records, 'Numbered', 1000)).toMatchObject({ shellBytes: 32 });
  });

  test('is measured with private fields, buffers, and what a `WeakMap` keeps for it', async () => {
    const { deepBytes, retainedBytes, shellBytes } = await measureModule(records, 'Hidden', 1000);
    expect(shellBytes).toBe(40);
    expect(deepBytes).toBeGreaterThan(16_000);
    expect(deepBytes).toBeLessThan(17_000);
    expect(retainedBytes).toBeGreaterThan(16_000);
    expect(retainedBytes).toBeLessThan(17_000);
  });

  test('is measured without what functions close over, and classes have', async () => {
    const { deepBytes, retainedBytes } = await measureModule(records, 'withFunctions', 1000);
    expect(deepBytes).toBeLessThan(200);
    expect(retainedBytes).toBeLessThan(250);
  });

  test('may have buffers: they count, and in the peak as well', async () => {
    const { deepBytes, retainedBytes, peakMb } = await measureModule(records, 'wide', 1000);
    expect(deepBytes).toBeGreaterThan(10_000);
    expect(retainedBytes / 10_000).toBeCloseTo(1, 1);
    expect(peakMb).toBeGreaterThan(10);
  });

  test('has garbage in its peak, and in nothing else', async () => {
    const { retainedBytes, peakMb } = await measureModule(records, 'wasteful', 1000);
    expect(retainedBytes).toBeLessThan(100);
    expect(peakMb).toBeGreaterThan(1.5);
    expect(peakMb).toBeLessThan(9);
  });

  test('may print what it likes', async () => {
    expect(await measureModule(records, 'talkative', 1000)).toMatchObject({ instances: 1000 });
  });

  test('gives the same again within 5 %', async () => {
    const first = await measureModule(records, 'Own', 20_000);
    const second = await measureModule(records, 'Own', 20_000);
    expect(second.retainedBytes / first.retainedBytes).toBeCloseTo(1, 1.3);
    expect(second.peakMb / first.peakMb).toBeCloseTo(1, 1.3);
  });
});

describe('what cannot be measured is refused with a reason', () => {
  test.each([
    ['Nothing', 'the file exports no class or function `Nothing`'],
    ['notCallable', 'the file exports no class or function `notCallable`'],
    ['noObject', '[create] it gave a value of type number'],
    ['late', '[create] it gave a promise'],
    ['proxied', '[create] it gave a proxy'],
    ['same', '[create] it gave the same object twice'],
    ['failing', 'no more of them'],
    ['ending', 'its process ended with code 3'],
  ])('%s', async (name, says) => {
    const measured = measureModule(records, name, 1000);
    await expect(measured).rejects.toThrow(says);
    await expect(measured).rejects.toMatchObject({ code: 'ERR_MEMORY_MEASURE' });
  });

  test('a file that is not there', async () => {
    await expect(measureModule('no-such-file.ts', 'Own')).rejects.toThrow(
      /ERR_MEMORY_MEASURE \[.*no-such-file\.ts#Own\] cannot load the file/,
    );
  });

  test('more than the process may hold, which follows the options of Node', async () => {
    vi.stubEnv('NODE_OPTIONS', '--max-old-space-size=64');
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(measureModule(records, 'hungry', 10_000)).rejects.toThrow(
      '10000 of them do not fit into the memory that Node allows',
    );
  });

  test('no name of a file, or of what it exports', async () => {
    await expect(measureModule(5 as never, 'Own')).rejects.toThrow(
      'ERR_CONFIG_INVALID [file] it is no text',
    );
    await expect(measureModule(records, undefined as never)).rejects.toThrow(
      'ERR_CONFIG_INVALID [name] it is no text',
    );
  });

  test.each([Infinity, NaN, 0, 1.5, -1, 2 ** 31, '5' as never])(
    'no time limit: %o',
    async (timeoutMs) => {
      await expect(measureModule(records, 'Own', 10, { timeoutMs })).rejects.toMatchObject({
        code: 'ERR_CONFIG_INVALID',
        place: 'timeoutMs',
      });
    },
  );

  test('no number of instances', async () => {
    await expect(measureModule(records, 'Own', 0)).rejects.toThrow('0 is no number of instances');
  });
});

describe('one that never ends', () => {
  test('is killed behind its time', { timeout: 60_000 }, async () => {
    const pid = endlessPid();
    let killed: number | undefined;
    // On a busy machine it may be killed before it has said which process it is.
    for (let timeoutMs = 1000; killed === undefined && timeoutMs <= 16_000; timeoutMs *= 2) {
      await expect(measureModule(records, 'endless', 1, { timeoutMs })).rejects.toMatchObject({
        code: 'ERR_MEMORY_MEASURE',
        fact: `it had not measured within ${timeoutMs} ms`,
      });
      killed = saidBy(pid);
    }
    expect(killed).toBeDefined();
    expect(isThere(killed!)).toBe(false);
  });

  test('is killed when its signal aborts', async () => {
    const pid = endlessPid();
    const aborting = new AbortController();
    const { signal } = aborting;
    const reason = new Error('enough');
    const started = vi.waitFor(pid, 10_000).then(() => aborting.abort(reason));
    await expect(measureModule(records, 'endless', 1, { signal })).rejects.toBe(reason);
    await started;
    expect(isThere(pid())).toBe(false);
    await expect(measureModule(records, 'Own', 1, { signal })).rejects.toBe(reason);
  });

  test('does not outlive the process that asked, however that ends', async () => {
    const pid = endlessPid();
    const entry = join(import.meta.dirname, '../../src/memory/index.ts');
    const code = `import { measureModule } from ${JSON.stringify(entry)};
      await measureModule(${JSON.stringify(records)}, 'endless', 1);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', code]);
    onTestFinished(() => void parent.kill('SIGKILL'));
    await vi.waitFor(pid, 10_000);
    expect(isThere(pid())).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(isThere(pid())).toBe(false), 10_000);
  });
});

/** What gives the process of `endless` once it is there; it is gone with the test. */
function endlessPid(): () => number {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-'));
  const file = join(directory, 'pid');
  vi.stubEnv('ENDLESS_PID_FILE', file);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    if (existsSync(file) && isThere(read())) process.kill(read(), 'SIGKILL');
    rmSync(directory, { recursive: true });
  });
  const read = (): number => {
    const pid = Number(readFileSync(file, 'utf8'));
    expect(pid).toBeGreaterThan(0);
    return pid;
  };
  return read;
}

/** Undefined where it has not said it. */
function saidBy(pid: () => number): number | undefined {
  try {
    return pid();
  } catch {
    return undefined;
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Runs code in a process without any flags, as a program that measures itself. */
async function inProgram(code: string): Promise<unknown> {
  const entry = join(import.meta.dirname, '../../src/memory/index.ts');
  const program = `import { deepInstanceSize, measureInstanceSize } from ${JSON.stringify(entry)};\n${code}`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    program,
  ]);
  return JSON.parse(stdout);
}

test('a program measures what it makes itself, without any flags', async () => {
  const size = await inProgram(`
    const size = await measureInstanceSize((index) => ({ index, half: index / 2 + 0.25 }), 10_000);
    console.log(JSON.stringify(size));`);
  expect(size).toMatchObject({
    instances: 10_000,
    hasFastShape: true,
    shellBytes: 40,
    directBytes: 16,
    deepBytes: 56,
    retainedBytes: expect.closeTo(56, -0.5),
    peakMb: expect.closeTo(0.6, 0),
  });
});

test('and what one object keeps', async () => {
  const sizes = await inProgram(`
    const shared = { text: Buffer.alloc(3000, 'text').toString() };
    const two = { first: shared, second: shared };
    const circle = { self: null };
    circle.self = circle;
    const sizes = [];
    for (const one of [shared, two, circle, new Uint8Array(5000), [1.5, 2.5], new Set(['x'])]) {
      sizes.push(await deepInstanceSize(one));
    }
    const refused = await deepInstanceSize(7).catch((error) => error.message);
    console.log(JSON.stringify([sizes, refused]));`);
  const [[shared, two, circle, buffer, array, set], refused] = sizes as [number[], string];
  expect(shared).toBeGreaterThan(3000);
  expect(two! - shared!).toBe(40);
  expect(circle).toBe(32);
  expect(buffer).toBeGreaterThan(5000);
  expect(buffer).toBeLessThan(5500);
  expect(array).toBeLessThan(100);
  expect(set).toBeLessThan(300);
  expect(refused).toContain('[target] it is a value of type number');
});

test('the stack that an error keeps counts without the code that it leads to', async () => {
  const [unread, read, each] = (await inProgram(`
    const one = { error: new Error('x') };
    const sizes = [await deepInstanceSize(one)];
    one.error.stack;
    sizes.push(await deepInstanceSize(one));
    const each = await measureInstanceSize(() => ({ error: new Error('x') }), 1000);
    console.log(JSON.stringify([...sizes, each.deepBytes / each.retainedBytes]));`)) as number[];
  expect(unread).toBeLessThan(2000);
  expect(read).toBeLessThan(2000);
  expect(each).toBeGreaterThan(0.6);
  expect(each).toBeLessThan(1.4);
});

test('a function that was frozen is no class', async () => {
  const size = await inProgram(`
    const create = Object.freeze(function (index) { return { index }; });
    console.log(JSON.stringify(await measureInstanceSize(create, 100)));`);
  expect(size).toMatchObject({ instances: 100 });
});

test('sizes are those of a usual instance, and the shape is fast only where all are', async () => {
  const [usual, lost] = (await inProgram(`
    class R {
      constructor(index) {
        this.index = index;
        this.value = index / 7;
      }
    }
    const usual = await measureInstanceSize((index) => new R(index), 1000);
    const lost = await measureInstanceSize((index) => {
      const made = new R(index);
      if (index > 0) delete made.index;
      return made;
    }, 1000);
    console.log(JSON.stringify([usual, lost]));`)) as [object, object];
  expect(usual).toMatchObject({ hasFastShape: true, shellBytes: 40, directBytes: 16 });
  expect(lost).toMatchObject({ hasFastShape: false });
});

test('two measurements at once wait for each other', async () => {
  const retained = await inProgram(`
    const measure = () => measureInstanceSize((index) => ({ half: index + 0.5 }), 10_000);
    const sizes = await Promise.all([measure(), measure(), deepInstanceSize({})]);
    console.log(JSON.stringify(sizes.slice(0, 2).map(({ retainedBytes }) => retainedBytes)));`);
  expect(retained).toEqual([expect.closeTo(48, -0.5), expect.closeTo(48, -0.5)]);
});

test('what makes no instances is refused, and measurements go on', async () => {
  const refused = await inProgram(`
    const one = {};
    const measured = [
      measureInstanceSize(undefined),
      measureInstanceSize(class R {}),
      measureInstanceSize((index) => new Proxy({ index }, {}), 100),
      measureInstanceSize(() => one, 100),
      deepInstanceSize(5),
      deepInstanceSize(new Proxy({}, {})),
    ].map((promise) => promise.catch(({ message }) => message));
    console.log(JSON.stringify(await Promise.all(measured)));`);
  expect(refused).toEqual([
    'ERR_MEMORY_MEASURE [create] it is of type undefined; give a function that makes an object, at once',
    'ERR_MEMORY_MEASURE [create] it is a class; give `(index) => new R(index)`',
    'ERR_MEMORY_MEASURE [create] it gave a proxy; give a function that makes an object, at once',
    'ERR_MEMORY_MEASURE [create] it gave the same object twice; give a function that makes a new one each time',
    'ERR_MEMORY_MEASURE [target] it is a value of type number; give an object',
    'ERR_MEMORY_MEASURE [target] it is a proxy; give an object',
  ]);
});
