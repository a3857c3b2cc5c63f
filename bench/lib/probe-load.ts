// A process that asks a server for its health: `probe-load.ts URL`. On standard input `+` begins, at a
// thousand requests a second over kept connections; `-` ends, and it writes how many were answered.
import { Agent, get } from 'node:http';
import process from 'node:process';

const perSecond = 1000;
const everyMs = 10;

const agent = new Agent({ keepAlive: true, maxSockets: 32 });
const url = new URL('/livez', process.argv[2]);
let beganMs = 0;
let asked = 0;
let answered = 0;
let ticking: NodeJS.Timeout | undefined;

function ask(): void {
  get(url, { agent }, (response) => {
    if (response.statusCode === 200) answered++;
    response.resume();
  }).on('error', () => {});
}

/** As many as are due by now: a tick that comes late is made up for. */
function tick(): void {
  const due = ((performance.now() - beganMs) * perSecond) / 1000;
  for (; asked < due; asked++) ask();
}

process.stdin.setEncoding('utf8').on('data', (words: string) => {
  clearInterval(ticking);
  if (words === '+') {
    [beganMs, asked, answered] = [performance.now(), 0, 0];
    ticking = setInterval(tick, everyMs);
  } else process.stdout.write(`${answered}\n`);
});
process.stdin.on('end', () => process.exit());
