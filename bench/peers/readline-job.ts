import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';

import { createMovingAverage } from './moving-average.ts';

/**
 * The reference job as one writes it in Node: `readline`, `JSON.parse`, the three stages,
 * `JSON.stringify`. Usage: readline-job.ts INPUT OUTPUT.
 */
const [input = '', output = ''] = process.argv.slice(2);
const averages = new Map<string, (value: number) => number>();
const file = createWriteStream(output);
let text = '';
for await (const line of createInterface({ input: createReadStream(input), crlfDelay: Infinity })) {
  const { sensorId, timestamp, value } = JSON.parse(line) as {
    sensorId: string;
    timestamp: number;
    value: number;
  };
  if (!(value >= 10 && value <= 90)) continue;
  const normalized = (value - 10) / 80;
  let average = averages.get(sensorId);
  if (average === undefined) averages.set(sensorId, (average = createMovingAverage(50)));
  const rollingAvg = average(normalized);
  text += `${JSON.stringify({ sensorId, timestamp, value, normalized, rollingAvg })}\n`;
  if (text.length < 65_536) continue;
  if (!file.write(text)) await once(file, 'drain');
  text = '';
}
file.end(text);
await once(file, 'close');
