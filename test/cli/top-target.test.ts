import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { exitCodes, NoAnswerError } from '../../src/cli/failure.ts';
import { findTarget, type Target } from '../../src/cli/top/target.ts';
import { KeptAddress } from '../../src/server/served-address.ts';
import { keptTokens } from '../../src/server/tokens.ts';
import { millrace, start, temporaryDirectory } from './millrace.ts';
import { hasPseudoTerminal, onTerminal } from './pseudo-terminal.ts';

const patience = { timeout: 30_000, interval: 50 };
const main = join(import.meta.dirname, '../../src/cli/main.ts');
const token = 'an-admin-of-this-test';

/** A run that is served by this process, as its state directory tells of it. */
async function keptRun(name = 'mill'): Promise<{ file: string; env: Record<string, string> }> {
  const home = temporaryDirectory();
  const directory = join(home, 'millrace', name);
  await keptTokens(directory);
  const kept = new KeptAddress(
    directory,
    { url: 'http://127.0.0.1:7642', tokens: 'kept' },
    (error) => {
      throw error;
    },
  );
  onTestFinished(() => kept[Symbol.asyncDispose]());
  const file = join(directory, 'server-address.json');
  await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toContain('7642'), patience);
  return { file, env: { XDG_STATE_HOME: home, MILLRACE_TOKEN: token } };
}

describe('with a token in the environment', () => {
  test.each([undefined, 'mill', '7642'])('a run that is served goes before it: %s', async (way) => {
    const { env } = await keptRun();
    const target = await findTarget(way, env);
    expect(target).toMatchObject({ name: 'mill', url: 'http://127.0.0.1:7642' });
    expect(target.token).not.toBe(token);
  });

  test('a name that is not served is asked for nowhere', async () => {
    const env = { XDG_STATE_HOME: temporaryDirectory(), MILLRACE_TOKEN: token };
    await expect(findTarget('mill', env)).rejects.toThrow('no run of `mill` is served');
  });

  test('without a name and without a run it goes to the usual address', async () => {
    const env = { XDG_STATE_HOME: temporaryDirectory(), MILLRACE_TOKEN: token };
    expect(await findTarget(undefined, env)).toEqual({ url: 'http://127.0.0.1:7420', token });
  });
});

test.skipIf(!existsSync('/proc/self/stat'))(
  'a process that has the number of one that was killed is not its run',
  async () => {
    const { file, env } = await keptRun();
    const told = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    expect(told['pid']).toBe(process.pid);
    for (const began of ['1', null, undefined]) {
      writeFileSync(file, JSON.stringify({ ...told, began }));
      const refused = await findTarget('mill', env).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(NoAnswerError);
      expect(refused).toMatchObject({
        exitCode: exitCodes.unreachable,
        fact: 'the run of `mill` is not served any more',
      });
      const stranger: Target = await findTarget('7642', env);
      expect(stranger).toEqual({ url: 'http://127.0.0.1:7642', token });
    }
  },
);

/** Whoever asks a server here, by what it shows of itself. */
async function listener(): Promise<{ port: number; asked: (string | undefined)[] }> {
  const asked: (string | undefined)[] = [];
  const server = createServer(({ headers }, response) => {
    asked.push(headers.authorization);
    response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

test.skipIf(!hasPseudoTerminal())(
  'a run that ends while it is looked at is looked for by its name alone',
  async () => {
    // A name that would be a port, where somebody listens.
    const { port, asked } = await listener();
    const cwd = temporaryDirectory();
    const text = `name: '${port}'\nsource: { interval: { everyMs: 20 } }\nsink: { file: { path: p.ndjson } }\n`;
    writeFileSync(join(cwd, 'p.yaml'), text);
    const run = start(['run', 'p.yaml', '--serve', '0'], { cwd });
    const kept = join(cwd, 'state/millrace', String(port), 'server-address.json');
    await vi.waitFor(() => expect(readFileSync(kept, 'utf8')).toContain('began'), patience);
    const env = { XDG_STATE_HOME: join(cwd, 'state'), MILLRACE_TOKEN: token };
    const top = onTerminal([main, 'top', 'p.yaml'], { cwd, env });
    await vi.waitFor(() => expect(top.picture().join('\n')).toContain('HEALTHY'), patience);
    run.child.kill('SIGKILL');
    await run.ended;
    const gone = `the run of \`${port}\` is not served any more`;
    const flat = (): string => top.picture().join(' ').replaceAll(/ +/g, ' ');
    await vi.waitFor(() => expect(flat()).toContain(gone), patience);
    top.type('q');
    await vi.waitFor(() => expect(top.said.code).toBe(0), patience);

    const once = await millrace(['top', 'p.yaml'], { cwd, env: { MILLRACE_TOKEN: token } });
    expect(once).toMatchObject({ code: 69, stdout: '' });
    expect(once.stderr).toContain(gone);
    expect(asked).toEqual([]);
  },
);
