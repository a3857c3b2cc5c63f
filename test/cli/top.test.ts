import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { UsageError } from '../../src/cli/failure.ts';
import { assertPrivate, findTarget } from '../../src/cli/top/target.ts';
import type { RunStats } from '../../src/observe/index.ts';
import { componentStats, runStats } from '../observe/run-stats.ts';
import { type Ended, millrace, start, type Started, temporaryDirectory } from './millrace.ts';
import { hasPseudoTerminal, onTerminal, type OnTerminal } from './pseudo-terminal.ts';

const patience = { timeout: 30_000, interval: 50 };
const main = join(import.meta.dirname, '../../src/cli/main.ts');
const token = 'an-admin-of-this-test';

function pipelineIn(cwd: string, name: string): string {
  const text = `name: ${name}\nsource: { interval: { everyMs: 20 } }\nstages:\n  - filter: { where: 'number(tick) % 2 == 0' }\nsink: { file: { path: ${name}.ndjson } }\n`;
  writeFileSync(join(cwd, `${name}.yaml`), text);
  return `${name}.yaml`;
}

interface ServedHere extends Started {
  readonly cwd: string;
  readonly url: string;
}

async function servedIn(
  cwd: string,
  name = 'mill',
  env: Readonly<Record<string, string>> = {},
): Promise<ServedHere> {
  const file = pipelineIn(cwd, name);
  const started = start(['run', file, '--serve', '0'], { cwd, env });
  const url = await vi.waitFor(() => {
    const found = /"url":"([^"]+)"/.exec(started.said.stderr)?.[1];
    expect(found).toBeDefined();
    return found!;
  }, patience);
  const kept = join(cwd, 'state/millrace', name, 'server-address.json');
  await vi.waitFor(() => expect(readFileSync(kept, 'utf8')).toContain(url), patience);
  return { ...started, cwd, url };
}

function look(
  { cwd }: { readonly cwd: string },
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return millrace(['top', ...words], { cwd, env });
}

describe('once', () => {
  test('a run is found by its user, its file, its name and its address: without a token', async () => {
    const served = await servedIn(temporaryDirectory());
    const port = new URL(served.url).port;
    const ways = [[], ['mill.yaml'], ['mill'], [served.url], [port], [`localhost:${port}`]];
    for (const ended of await Promise.all(ways.map((way) => look(served, [...way, '--once'])))) {
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toMatch(/^mill · running · HEALTHY · up \d+ s\n\d+ in\/s · \d+ out\/s/);
      expect(ended.stdout).toMatch(/^ {2}interval +source +\d+ +\d+ +[\d.]+ +0 +[█·]{8}$/m);
      expect(ended.stdout).toMatch(/^ {2}filter +stage /m);
      expect(ended.stdout).not.toMatch(/[^\P{Cc}\n]/u);
    }
  });

  test('where there is no terminal it is once, and as JSON it is the figures', async () => {
    const served = await servedIn(temporaryDirectory());
    const { code, stdout } = await look(served, []);
    expect(code).toBe(0);
    expect(stdout).toContain('mill · running');
    const json = await look(served, ['--once', '--json']);
    expect(json.code).toBe(0);
    const stats = JSON.parse(json.stdout) as RunStats;
    expect(stats).toMatchObject({ pipeline: 'mill', status: 'running' });
    expect(stats.components.map(({ id }) => id)).toEqual(['interval', 'filter', 'file']);
  });

  test('it says that nothing is there: 69', async () => {
    const cwd = temporaryDirectory();
    const gone = await servedIn(cwd);
    gone.child.kill('SIGKILL');
    await gone.ended;
    for (const way of [['mill'], [gone.url], [gone.url, '--json']]) {
      const { code, stdout, stderr } = await look(gone, way);
      expect([code, stdout]).toEqual([69, '']);
      expect(stderr).toMatch(
        /^millrace: .*(the run of `mill` is not served any more|nothing listens there).*; start it with `millrace run FILE --serve 7420`/,
      );
    }
  });

  test('whoever listens where a run was killed is given no token of it', async () => {
    const gone = await servedIn(temporaryDirectory());
    gone.child.kill('SIGKILL');
    await gone.ended;
    const given: (string | undefined)[] = [];
    const other = createServer(({ headers }, response) => {
      given.push(headers.authorization);
      response.writeHead(404).end();
    });
    onTestFinished(() => void other.close());
    await new Promise<void>((done) => other.listen(Number(new URL(gone.url).port), done));
    const ways = [['mill'], ['mill.yaml'], [gone.url], [gone.url, '--json']];
    const codes = ways.map(async (way) => (await look(gone, way)).code);
    expect(await Promise.all(codes)).toEqual(ways.map(() => 69));
    // Only who names the address asks there, as nobody.
    expect(given).toEqual([undefined, undefined]);
  });

  test('it says that it may not look: 77', async () => {
    const cwd = temporaryDirectory();
    const { url } = await servedIn(cwd, 'mill', { MILLRACE_TOKEN: token });
    // Of another user, who knows no more than the address.
    const none = await look({ cwd: temporaryDirectory() }, [url]);
    expect(none).toMatchObject({ code: 77, stdout: '' });
    expect(none.stderr).toBe(
      `millrace: ${url}: it asks for a token; set \`MILLRACE_READ_TOKEN\`, or name the pipeline or its file\n`,
    );
    const wrong = await look({ cwd }, [url], { MILLRACE_TOKEN: 'another-secret-of-a-test' });
    expect(wrong.code).toBe(77);
    expect(wrong.stderr).toContain('does not take this token');
    expect(wrong.stderr).not.toContain('another-secret');
    expect(await look({ cwd }, [url], { MILLRACE_TOKEN: token })).toMatchObject({ code: 0 });
  });

  test('a run that was given its tokens is found like any other, and looked at with them', async () => {
    const cwd = temporaryDirectory();
    // Tokens that are kept of a run before it are not those of this one.
    const before = await servedIn(cwd);
    before.child.kill('SIGTERM');
    await before.ended;
    const tokens = { MILLRACE_TOKEN: token, MILLRACE_READ_TOKEN: 'a-reader-of-this-test' };
    const { url } = await servedIn(cwd, 'mill', tokens);
    const kept = join(cwd, 'state/millrace/mill');
    expect(readFileSync(join(kept, 'server-address.json'), 'utf8')).not.toContain('of-this-test');
    const ways = [[], ['mill'], ['mill.yaml'], [url]];
    const looks = ways.flatMap((way) => [
      look({ cwd }, [...way, '--json'], { MILLRACE_TOKEN: token }),
      look({ cwd }, [...way, '--json'], { MILLRACE_READ_TOKEN: tokens.MILLRACE_READ_TOKEN }),
    ]);
    for (const { code, stdout } of await Promise.all(looks)) {
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ pipeline: 'mill' });
    }
    const nothing =
      'millrace: the run of `mill` has tokens that were given to it, and are kept nowhere; ' +
      'set `MILLRACE_READ_TOKEN` or `MILLRACE_TOKEN` here to what it was started with\n';
    for (const ended of await Promise.all(ways.map((way) => look({ cwd }, way)))) {
      expect(ended).toMatchObject({ code: 77, stdout: '', stderr: nothing });
    }
  });

  test('it does not guess which run is meant: 2', async () => {
    const cwd = temporaryDirectory();
    const [one, two] = [await servedIn(cwd, 'one'), await servedIn(cwd, 'two')];
    const several = await look({ cwd }, []);
    expect(several.code).toBe(2);
    expect(several.stderr).toContain(`name one: one (${one.url}), two (${two.url})`);
  });

  test.each([
    ['http://192.0.2.1:7420', 'everybody between reads the token'],
    ['mill.example:7420', 'everybody between reads the token'],
    ['http://ann:secret-of-ann@127.0.0.1', 'a secret has no place in a URL'],
    ['ftp://127.0.0.1', 'begins with http'],
    ['http://', 'no URL'],
    ['http://127.0.0.1:7420/metrics', 'name no path'],
  ])('a token does not go to %s', async (way, why) => {
    const env = { MILLRACE_TOKEN: token, XDG_STATE_HOME: temporaryDirectory() };
    const refused = await findTarget(way, env)
      .then((target) => assertPrivate(target, false))
      .catch((error: unknown) => error as Error);
    expect(refused).toBeInstanceOf(UsageError);
    expect((refused as Error).message).toContain(why);
    expect((refused as Error).message).not.toContain('secret-of-ann');
  });

  test.each([
    ['https://192.0.2.1:7420', 'https://192.0.2.1:7420'],
    ['http://127.9.9.9:7420', 'http://127.9.9.9:7420'],
    ['[::1]:7420', 'http://[::1]:7420'],
    ['8000', 'http://127.0.0.1:8000'],
    [undefined, 'http://127.0.0.1:7420'],
  ])('of %s it goes to %s, that to look before that of an admin', async (way, url) => {
    const env = { MILLRACE_TOKEN: token, MILLRACE_READ_TOKEN: 'a-reader-of-this-test' };
    const target = await findTarget(way, { ...env, XDG_STATE_HOME: temporaryDirectory() });
    expect(target).toEqual({ url, token: 'a-reader-of-this-test' });
    expect(() => assertPrivate(target, false)).not.toThrow();
  });

  test('a run that failed is shown, and ends it with 1', async () => {
    const failed = runStats(9, { status: 'failed', components: [componentStats('a')] });
    const url = await answeringWith(failed);
    const ended = await look({ cwd: temporaryDirectory() }, [url], { MILLRACE_TOKEN: token });
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain('p · failed · FAILED');
  });

  test('a server that says nothing of a run, or is gone at once, does not answer: 69', async () => {
    const cwd = temporaryDirectory();
    const env = { MILLRACE_TOKEN: token };
    const running = runStats(9, { components: [componentStats('a')] });
    const looks = (['mute', 'empty', 'brief'] as const).map(async (manner) =>
      look({ cwd }, [await answeringWith(running, { manner })], env),
    );
    const [mute, empty, brief] = await Promise.all(looks);
    expect(mute).toMatchObject({ code: 69, stdout: '' });
    expect(mute!.stderr).toBe('millrace: it says nothing any more\n');
    expect(empty).toMatchObject({ code: 69, stdout: '' });
    expect(empty!.stderr).toBe('millrace: it has ended the connection\n');
    expect(brief!.code).toBe(69);
    expect(brief!.stdout).toContain('p · running · NO ANSWER');
  });

  test.each([
    [{ status: 'done' }, 'usual'],
    [[], 'usual'],
    [null, 'usual'],
    ['well', 'page'],
  ] as const)(
    'a server that answers with %j (%s) gives no figures of a run: 69',
    async (answer, manner) => {
      const url = await answeringWith(answer as never, { manner });
      const env = { MILLRACE_TOKEN: token };
      const looks = ['--once', '--json'].map((way) =>
        look({ cwd: temporaryDirectory() }, [url, way], env),
      );
      for (const { code, stdout, stderr } of await Promise.all(looks)) {
        expect([code, stdout]).toEqual([69, '']);
        expect(stderr).toBe(`millrace: ${url}: it gives no figures of a run\n`);
      }
    },
  );

  test('no control character of a server comes to the terminal', async () => {
    const bad = 'x\u001B]0;owned\u0007\u009B31m\u2028y\r\n';
    const alert = { rule: bad, component: bad, state: 'firing', severity: bad, text: bad };
    const stats = runStats(9, {
      pipeline: bad,
      status: bad as 'running',
      process: { rssBytes: bad as never, heapUsedBytes: 0, loopUtilization: 0 },
      lanes: [{ id: bad, bottleneck: bad, busyShare: 1, loopUtilization: 0, queueFill: 0 }],
      components: [componentStats(bad, { kind: bad as 'stage', unaccounted: 1 })],
      alerts: [alert as never],
    });
    const url = await answeringWith(stats, { text: bad });
    const cwd = temporaryDirectory();
    const env = { MILLRACE_TOKEN: token };
    const { stdout, code } = await look({ cwd }, [url], env);
    expect(code).toBe(0);
    expect(stdout).toContain(String.raw`x\u001b]0;owned\u0007`);
    expect(stdout).toContain(String.raw`! x\u001b`);
    const json = await look({ cwd }, [url, '--json'], env);
    expect(JSON.parse(json.stdout)).toEqual(stats);
    for (const text of [stdout, json.stdout]) expect(text).not.toMatch(/[^\P{C}\n]|\u2028/u);
  });
});

/**
 * `mute`: with nothing but health; `empty`: ends the stream at once; `brief`: after one picture;
 * `page`: gives what is no JSON.
 */
type Manner = 'usual' | 'mute' | 'empty' | 'brief' | 'page';

/** The URL of a server that gives figures of no run. */
async function answeringWith(
  stats: RunStats,
  { text = 'well', manner = 'usual' }: { text?: string; manner?: Manner } = {},
): Promise<string> {
  const reasons = [{ of: 'degraded', component: text, text }];
  const health = { alive: true, ready: true, overloaded: false, degraded: true, reasons };
  const snapshot = manner === 'page' ? '<html>' : JSON.stringify(stats);
  const answers: Readonly<Record<string, string>> = {
    '/api/v1/snapshot': snapshot,
    '/api/v1/topology': JSON.stringify({ pipeline: text, nodes: [], settings: {} }),
  };
  const server = createServer(({ url = '', headers }, response) => {
    response.statusCode = headers.authorization === `Bearer ${token}` ? 200 : 401;
    if (url !== '/api/v1/events') {
      response.end(answers[url]);
      return;
    }
    const events = {
      health: JSON.stringify(health),
      ...(manner !== 'mute' && { snapshot }),
    };
    for (const [type, data] of manner === 'empty' ? [] : Object.entries(events)) {
      response.write(`: ping\n\nid: 1\nevent: ${type}\ndata: ${data}\n\n`);
    }
    if (manner === 'empty' || manner === 'brief') response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const entered = '\u001B[?1049h\u001B[?25l\u001B[?7l';
const left = '\u001B[?7h\u001B[?25h\u001B[?1049l';

/** Counted: the terminal is as it was. */
function assertLeft({ said }: OnTerminal, times = 1): void {
  expect(said.text.split(entered)).toHaveLength(times + 1);
  expect(said.text.split(left)).toHaveLength(times + 1);
  expect(said.text.lastIndexOf(left)).toBeGreaterThan(said.text.lastIndexOf(entered));
}

describe.skipIf(!hasPseudoTerminal())('on a terminal', () => {
  function topIn(cwd: string, words: readonly string[] = []): OnTerminal {
    return onTerminal([main, 'top', ...words], {
      cwd,
      env: { XDG_STATE_HOME: join(cwd, 'state') },
    });
  }

  /** Waits until the picture has it. */
  function shows(top: OnTerminal, text: string | RegExp): Promise<void> {
    return vi.waitFor(() => expect(top.picture().join('\n')).toMatch(text), patience);
  }

  async function ends(top: OnTerminal): Promise<number | undefined> {
    await vi.waitFor(() => expect(top.said.code).toBeDefined(), patience);
    return top.said.code;
  }

  test('it is live, and does what keys say', async () => {
    const { cwd } = await servedIn(temporaryDirectory());
    const top = topIn(cwd);
    await shows(top, /^mill · running · HEALTHY/);
    expect(top.picture()).toHaveLength(24);
    await shows(top, /^> interval /m);
    top.type('\u001B[B');
    await shows(top, /^> filter /m);
    top.type('\r');
    await shows(top, /^filter · stage$/m);
    await shows(top, 'where: number(tick) % 2 == 0');
    await shows(top, 'up 3 s');
    top.type('\u001B');
    await shows(top, /^> filter /m);
    top.resize(30, 6);
    await vi.waitFor(() => expect(top.picture()).toHaveLength(6), patience);
    expect(top.picture().every((line) => line.length <= 30)).toBe(true);
    await shows(top, /^> filter /m);
    top.type('p');
    await shows(top, /running/);
    top.resize(80, 24);
    await shows(top, 'VIEW PAUSED');
    top.type('q');
    expect(await ends(top)).toBe(0);
    assertLeft(top);
    expect(top.said.text.trimEnd().endsWith(left)).toBe(true);
  });

  test('a server that stands still, goes away and comes back is told of', async () => {
    const cwd = temporaryDirectory();
    const served = await servedIn(cwd);
    const top = topIn(cwd, ['mill.yaml']);
    await shows(top, 'HEALTHY');
    served.child.kill('SIGSTOP');
    await shows(top, /FIGURES \d+ s OLD/);
    served.child.kill('SIGCONT');
    await vi.waitFor(() => expect(top.picture()[0]).not.toContain('OLD'), patience);
    served.child.kill('SIGKILL');
    await shows(top, /NO ANSWER[^]*no server since \d\d:\d\d:\d\d \(\d+ s\), asking again: /);
    await servedIn(cwd);
    await shows(top, 'HEALTHY');
    expect(top.picture().join('\n')).not.toContain('no server');
    top.type('\u0003');
    expect(await ends(top)).toBe(0);
  });

  test('the terminal is as it was, however it ends', async () => {
    const cwd = temporaryDirectory();
    const served = await servedIn(cwd);
    const top = topIn(cwd);
    await shows(top, 'HEALTHY');
    process.kill(top.pid(), 'SIGTERM');
    expect(await ends(top)).toBe(143);
    assertLeft(top);

    const crashing = join(cwd, 'crash.ts');
    const screen = JSON.stringify(join(import.meta.dirname, '../../src/cli/full-screen.ts'));
    writeFileSync(
      crashing,
      `import { FullScreen } from ${screen};
      const [input, out] = [process.stdin, process.stdout];
      new FullScreen({ input, out, sent: () => { throw new Error('crash') }, resized() {} }).enter();
      out.write('open');`,
    );
    const crashed = onTerminal([crashing], { cwd });
    await vi.waitFor(() => expect(crashed.said.text).toContain('open'), patience);
    crashed.type('x');
    expect(await ends(crashed)).toBe(1);
    assertLeft(crashed);
    const tokens = JSON.parse(
      readFileSync(join(cwd, 'state/millrace/mill/server-tokens.json'), 'utf8'),
    ) as Record<string, string>;
    for (const secret of Object.values(tokens)) expect(top.said.text).not.toContain(secret);
    served.child.kill('SIGTERM');
  });

  test('where nothing is there it says so on the screen that was there', async () => {
    const top = topIn(temporaryDirectory(), ['mill']);
    expect(await ends(top)).toBe(69);
    expect(top.said.text).not.toContain(entered);
    expect(top.said.text).toContain('no run of `mill` is served');
  });
});
