import { mkdtempSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { finished } from 'node:stream/promises';

import { onTestFinished } from 'vitest';

import type { Tiers } from './tiered.ts';

export interface RealResources {
  readonly database: DatabaseSync;
  readonly log: FileHandle;
  readonly output: Socket;
}

/** A far end on this machine that keeps what it is sent. */
export class FarEnd {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  text = '';

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(): Promise<FarEnd> {
    const server = createServer();
    const end = new FarEnd(server);
    server.on('connection', (socket) => {
      end.#sockets.add(socket);
      socket.setEncoding('utf8').on('data', (text: string) => (end.text += text));
      socket.on('close', () => end.#sockets.delete(socket));
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      for (const socket of end.#sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    });
    return end;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('it does not listen');
    return address.port;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Takes no connection any more. */
  refuse(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Breaks every connection. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}

export function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-tiers-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A SQLite database, a log file and a TCP socket. */
export function realTiers(path: string, port: number): Tiers<RealResources> {
  return {
    database: {
      open: () => {
        const database = new DatabaseSync(join(path, 'readings.db'));
        database.exec('CREATE TABLE IF NOT EXISTS readings (value REAL)');
        return database;
      },
      close: (database) => database.close(),
      check: (database) => (database.isOpen ? undefined : 'is closed'),
    },
    log: {
      open: () => open(join(path, 'run.log'), 'a'),
      close: (log) => log.close(),
      check: async (log) => void (await log.stat()),
    },
    output: {
      open: async () => {
        const socket = connect(port, '127.0.0.1');
        await new Promise<void>((resolve, reject) => {
          socket.once('connect', resolve).once('error', reject);
        });
        return socket.on('error', () => {});
      },
      close: async (socket) => {
        if (socket.destroyed) return;
        socket.end();
        await finished(socket, { readable: false });
        socket.destroy();
      },
      check: (socket) => (socket.writable ? undefined : 'takes nothing any more'),
    },
  };
}
