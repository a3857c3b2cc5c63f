import { once } from 'node:events';

import { pino } from 'pino';

import type { FileLog } from '../logger.ts';

/** pino with our names, buffered; its synchronous writes were faster than its asynchronous ones. */
export async function pinoLog(path: string): Promise<FileLog> {
  const file = pino.destination({ dest: path, sync: true, minLength: 4096 });
  await once(file, 'ready');
  const log = pino(
    {
      base: null,
      messageKey: 'event',
      timestamp: () => `,"timestamp":"${new Date(Date.now()).toISOString()}"`,
      formatters: { level: (level) => ({ level: level.toUpperCase() }) },
    },
    file,
  ).child({ component: 'bench', stageId: 'normalize', pipeline: 'boiler-room' });
  return {
    info: (event, fields) => log.info(fields, event),
    debug: (event, fields) => log.debug(fields, event),
    close: async () => {
      file.end();
      await once(file, 'close');
    },
  };
}
