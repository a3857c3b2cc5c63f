import { type AddressInfo } from 'node:net';
import { createServer, request } from 'node:http';

import { onTestFinished } from 'vitest';

/**
 * What stands between a browser and a server: it lets nothing through compressed, and can be too slow
 * for points of the history.
 */
export interface LossyLine {
  readonly url: string;
  /** Whether no point gets through, as where the next has always come before it could. */
  losesPoints: boolean;
  /** How many did not. */
  lost: number;
}

/** A line to a server. Gone after the test. */
export async function lossyLineTo(target: string): Promise<LossyLine> {
  const line = { url: '', losesPoints: false, lost: 0 };
  const server = createServer((asked, answer) => {
    const { method, url = '/' } = asked;
    const isStream = url.startsWith('/api/v1/events');
    const headers = { ...asked.headers, ...(isStream && { 'accept-encoding': 'identity' }) };
    const forward = request(new URL(url, target), { method, headers }, (got) => {
      answer.writeHead(got.statusCode!, got.headers);
      if (!isStream) return void got.pipe(answer);
      answer.flushHeaders();
      let text = '';
      got.setEncoding('utf8').on('data', (chunk: string) => {
        const events = (text + chunk).split('\n\n');
        text = events.pop()!;
        for (const event of events) {
          const isLost = line.losesPoints && /^event: point$/m.test(event);
          if (isLost) line.lost++;
          else answer.write(`${event}\n\n`);
        }
      });
      got.on('close', () => answer.end());
    });
    forward.on('error', () => answer.destroy());
    answer.on('close', () => forward.destroy());
    asked.pipe(forward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  line.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return line;
}
