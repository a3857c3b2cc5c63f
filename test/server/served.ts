import { connect } from 'node:net';

import { onTestFinished } from 'vitest';

import { intervalSource } from '../../src/connectors/interval.ts';
import type { LogLevel } from '../../src/core/index.ts';
import type { Run } from '../../src/engine/index.ts';
import { pipeline } from '../../src/pipeline.ts';
import { serve, type ServeOptions, type Server } from '../../src/server/index.ts';
import { type AlertRule, StructuredLogger } from '../../src/observe/index.ts';
import { scriptedSink } from '../engine/ends.ts';

export const admin = 'an-admin-of-this-test';
export const reader = 'a-reader-of-this-test';

export const patience = { timeout: 10_000, interval: 20 };

interface Endless {
  readonly run: Run;
  readonly log: StructuredLogger;
  readonly lines: string[];
  /** What an alert is raised on, from 5 on. */
  readonly figure: { value: number };
}

/** A run without an end whose log is kept in memory. */
export async function endlessRun(): Promise<Endless> {
  const lines: string[] = [];
  const figure = { value: 0 };
  const rule: AlertRule = {
    name: 'figure',
    summary: 'A figure of a test.',
    unit: 'things',
    limits: { warn: 5, clear: 2 },
    of: { m: 1, n: 1 },
    read: () => [{ component: '', value: figure.value }],
  };
  const minLevel: LogLevel = 'INFO';
  const log = new StructuredLogger({
    write: (line) => {
      if (lines.length < 1000) lines.push(line);
    },
    minLevel,
  });
  const run = await pipeline('served')
    .from(intervalSource({ everyMs: 20 }))
    .to(scriptedSink({}))
    .start({ log, alerts: [rule] });
  onTestFinished(async () => void (await run.stop()));
  return { run, log, lines, figure };
}

export interface Served extends Endless {
  readonly server: Server;
  readonly port: number;
  /** Asks with a token; `null`: with none. */
  ask(path: string, options?: RequestInit & { token?: string | null }): Promise<Response>;
}

/** A run without an end, and its server at a free port. */
export async function served(options: ServeOptions = {}): Promise<Served> {
  const endless = await endlessRun();
  const { run, log } = endless;
  const server = await serve(run, {
    port: 0,
    token: admin,
    readToken: reader,
    stallDescriptor: null,
    log,
    ...options,
  });
  onTestFinished(() => server.close());
  return {
    ...endless,
    server,
    port: Number(new URL(server.url).port),
    ask: (path, { token = admin, ...init } = {}) => {
      const headers = new Headers(init.headers);
      if (token !== null) headers.set('authorization', `Bearer ${token}`);
      return fetch(server.url + path, { ...init, headers, redirect: 'manual' });
    },
  };
}

/** Sends bytes as they are, and gives all that comes back until the other side closes. */
export function raw(port: number, text: string, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host }, () => socket.write(text));
    let answer = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

/** The status of an answer as it came over the wire; 0 where there was none. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}
