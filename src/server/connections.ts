import type { IncomingMessage, Server, ServerResponse } from 'node:http';

type Socket = IncomingMessage['socket'];

interface Connection {
  readonly socket: Socket;
  /** To its last request; undefined until one has come. */
  response?: ServerResponse;
  /** What is not answered yet, the oldest first: it is being answered. */
  readonly asked: Asked[];
}

interface Asked {
  readonly response: ServerResponse;
  readonly answer: () => void;
}

/** Requests that a client may send ahead of the answers: none but programs that measure sends any. */
const aheadMax = 8;

/**
 * The connections of a server, of which there are only so many: for one more, the oldest gives way
 * that has not asked yet, or else that has been answered, or else that asks ahead. Whoever waits for a
 * single answer is never cut off.
 */
export class Connections {
  readonly #open = new Map<string, Connection>();

  constructor(server: Server, connectionsMax: number) {
    server.on('connection', (socket: Socket) => {
      if (this.#open.size >= connectionsMax) {
        const key = this.#givesWay();
        (this.#open.get(key ?? '')?.socket ?? socket).destroy();
        if (key === undefined) return;
        this.#open.delete(key);
      }
      const key = keyOf(socket);
      const connection = { socket, asked: [] };
      this.#open.set(key, connection);
      socket.once('close', () => {
        if (this.#open.get(key) === connection) this.#open.delete(key);
      });
    });
  }

  /**
   * Answers when it is its turn: one after another of a connection, with turns for others between. A
   * connection that asks for too much at a time is cut off: its requests, a thousand to a packet, would
   * keep everybody else waiting.
   */
  ask(response: ServerResponse, answer: () => void): void {
    const { socket } = response.req;
    // What was read with the request that was one too many.
    if (socket.destroyed) return;
    const connection = this.#open.get(keyOf(socket));
    if (connection === undefined) return;
    const { asked } = connection;
    connection.response = response;
    const count = asked.push({ response, answer });
    if (count > aheadMax) {
      socket.destroy();
      return;
    }
    response.once('close', () => {
      asked.shift();
      if (asked.length > 0) setImmediate(() => socket.writable && asked[0]?.answer());
    });
    if (count === 1) answer();
  }

  /** Whether an answer has begun and is not at its end: nothing else may be written there. */
  isAnswering(socket: Socket): boolean {
    const response = this.#open.get(keyOf(socket))?.asked[0]?.response;
    return response?.headersSent === true && !response.writableFinished;
  }

  #givesWay(): string | undefined {
    let answered: string | undefined;
    let ahead: string | undefined;
    for (const [key, { response, asked }] of this.#open) {
      if (response?.req.complete !== true) return key;
      if (response.writableFinished) answered ??= key;
      if (asked.length > 1) ahead ??= key;
    }
    return answered ?? ahead;
  }
}

/** The far end: of TLS, requests come by a socket that is not the one which was let in. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
