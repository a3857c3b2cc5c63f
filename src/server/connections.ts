import type { IncomingMessage, Server, ServerResponse } from 'node:http';

type Socket = IncomingMessage['socket'];

interface Connection {
  readonly socket: Socket;
  /** To its last request; undefined until one has come. */
  response?: ServerResponse;
}

/**
 * The connections of a server, of which there are only so many: for one more, the oldest gives way
 * that has not asked yet, or else that has been answered. Whoever is being answered is never cut off.
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
      const connection = { socket };
      this.#open.set(key, connection);
      socket.once('close', () => {
        if (this.#open.get(key) === connection) this.#open.delete(key);
      });
    });
  }

  /** Takes note of what is to be answered. */
  asked(response: ServerResponse): void {
    const connection = this.#open.get(keyOf(response.req.socket));
    if (connection !== undefined) connection.response = response;
  }

  /** Whether an answer has begun and is not at its end: nothing else may be written there. */
  isAnswering(socket: Socket): boolean {
    const response = this.#open.get(keyOf(socket))?.response;
    return response?.headersSent === true && !response.writableFinished;
  }

  #givesWay(): string | undefined {
    let answered: string | undefined;
    for (const [key, { response }] of this.#open) {
      if (response?.req.complete !== true) return key;
      if (response.writableFinished) answered ??= key;
    }
    return answered;
  }
}

/** The far end: of TLS, requests come by a socket that is not the one which was let in. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
