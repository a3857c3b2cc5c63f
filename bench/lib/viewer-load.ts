// A process in which viewers look at a run: `viewer-load.ts URL TOKEN VIEWERS`. Each follows the live
// stream, and asks for a document of its page every five seconds. It writes `+` once all of them are
// told figures, and at the end of standard input how often they were.
import process from 'node:process';

const [url = '', token = '', viewers = '1'] = process.argv.slice(2);
const askEveryMs = 5000;
const headers = { authorization: `Bearer ${token}` };
const leaving = new AbortController();
let told = 0;

async function view(): Promise<void> {
  const document = async (): Promise<unknown> =>
    (await fetch(`${url}/api/v1/history?span=5m`, { headers })).text();
  await document();
  const asking = setInterval(() => void document().catch(() => {}), askEveryMs);
  leaving.signal.addEventListener('abort', () => clearInterval(asking));
  const { body } = await fetch(`${url}/api/v1/events`, { headers, signal: leaving.signal });
  const ready = Promise.withResolvers<void>();
  const read = async (): Promise<void> => {
    for await (const text of body!.pipeThrough(new TextDecoderStream())) {
      const figures = text.split('event: snapshot\n').length - 1;
      told += figures;
      if (figures > 0) ready.resolve();
    }
  };
  read().catch(() => {});
  await ready.promise;
}

process.stdin.resume().on('end', () => {
  leaving.abort();
  process.stdout.write(`${told}\n`, () => process.exit());
});
void Promise.all(Array.from({ length: Number(viewers) }, view)).then(() =>
  process.stdout.write('+\n'),
);
