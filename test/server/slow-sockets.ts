// A process that holds sockets whose requests never end: `slow-sockets.ts PORT COUNT`. One that is cut
// off comes again after a second. At the end of its standard input it writes what became of them.
import { connect, type Socket } from 'node:net';
import process from 'node:process';

import { systemClock } from '../../src/core/index.ts';

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
const again = 1000;
const open = new Set<Socket>();
const told = { closed: 0, lifeMsMax: 0 };

function attack(): void {
  const socket = connect({ port, host: '127.0.0.1' });
  const beganMs = performance.now();
  open.add(socket);
  socket.on('error', () => {});
  socket.on('close', () => {
    open.delete(socket);
    told.closed++;
    told.lifeMsMax = Math.max(told.lifeMsMax, performance.now() - beganMs);
    void systemClock.sleep(again).then(attack);
  });
  socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
}

/** Sends a byte more of each. */
function drip(): void {
  for (const socket of open) if (socket.writable) socket.write('x');
  void systemClock.sleep(500).then(drip);
}

for (let at = 0; at < count; at++) attack();
drip();
process.stdin.resume().on('end', () => {
  process.stdout.write(JSON.stringify(told), () => process.exit());
});
