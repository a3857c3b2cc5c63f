import type { IncomingMessage } from 'node:http';

const sliceBytes = 1024;

/**
 * Lets the HTTP parser of a new connection read a little at a time. One packet may hold thousands of
 * requests: read at once, all of them would be there before the connection could be cut off.
 */
export function readInSlices(socket: IncomingMessage['socket']): void {
  const [read] = socket.listeners('data');
  if (read === undefined) return;
  socket.off('data', read as (chunk: Buffer) => void);
  socket.on('data', (chunk: Buffer) => {
    // No longer writable, nothing else will be answered.
    for (let at = 0; at < chunk.length && socket.writable; at += sliceBytes) {
      read.call(socket, chunk.subarray(at, at + sliceBytes));
    }
  });
}
