import { open } from 'node:fs/promises';

import type { Outcome } from '../lib/rounds.ts';
import type { Telemetry } from '../lib/telemetry.ts';

const chunkBytes = 1 << 20;

/** Reads an NDJSON file by chunks, `split('\n')` and `JSON.parse`, and adds up a field. */
export async function readBySplit(path: string): Promise<Outcome> {
  await using file = await open(path);
  const chunk = Buffer.allocUnsafe(chunkBytes);
  const decoder = new TextDecoder();
  let rest = '';
  let records = 0;
  let sum = 0;
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunkBytes);
    if (bytesRead === 0) return { records, sum };
    const lines = (rest + decoder.decode(chunk.subarray(0, bytesRead), { stream: true })).split(
      '\n',
    );
    rest = lines.pop()!;
    for (const line of lines) {
      const record = JSON.parse(line) as Telemetry;
      records++;
      sum += record.value;
    }
  }
}
