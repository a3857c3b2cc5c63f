import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

import winston from 'winston';

import type { FileLog } from '../logger.ts';

/** winston with our names, writing to the same kind of stream as ours. */
export async function winstonLog(path: string): Promise<FileLog> {
  const stream = createWriteStream(path);
  const { combine, timestamp, json } = winston.format;
  const root = winston.createLogger({
    level: 'info',
    format: combine(timestamp(), json()),
    transports: [new winston.transports.Stream({ stream })],
  });
  const bound = { component: 'bench', stageId: 'normalize', pipeline: 'boiler-room' };
  const log = root.child(bound);
  return {
    info: (event, fields) => void log.info(event, fields),
    debug: (event, fields) => void log.debug(event, fields),
    close: async () => {
      const ended = once(root, 'finish');
      root.end();
      await ended;
      stream.end();
      await finished(stream);
    },
  };
}
