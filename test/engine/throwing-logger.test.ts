import { expect, onTestFinished, test } from 'vitest';

import {
  derive,
  float64,
  intervalSource,
  type Logger,
  memorySink,
  pipeline,
} from '../../src/index.ts';
import { virtualOutside } from '../../src/testing/index.ts';

const methods = ['debug', 'info', 'warning', 'error', 'critical'] as const;
const throwing = (): never => {
  throw new Error('the disk of the log is full');
};

/** A logger of which everything works but the methods that are named. */
function loggerWith(broken: Partial<Record<keyof Logger, unknown>>): Logger {
  const log = Object.fromEntries(methods.map((method) => [method, () => {}]));
  Object.assign(log, { bindContext: () => log }, broken);
  if ('blocked' in broken) Object.defineProperty(log, 'blocked', { get: throwing });
  return log as unknown as Logger;
}

const rejecting = (): Promise<never> => Promise.reject(new Error('no connection'));

test.each<[what: string, broken: Partial<Record<keyof Logger, unknown>>]>([
  ...methods.map((method) => [method, { [method]: throwing }] as [string, object]),
  ['all of them', Object.fromEntries(methods.map((method) => [method, throwing]))],
  ['promises that reject', Object.fromEntries(methods.map((method) => [method, rejecting]))],
  ['bindContext', { bindContext: throwing }],
  ['bindContext that gives nothing', { bindContext: () => undefined }],
  ['blocked', { blocked: throwing }],
])('a logger that fails costs lines, and no record: %s', async (_, broken) => {
  const warned: Error[] = [];
  const warn = (warning: Error): number => warned.push(warning);
  process.on('warning', warn);
  onTestFinished(() => void process.off('warning', warn));
  const report = await pipeline('p', {}, { outside: virtualOutside(), deadLetters: memorySink() })
    .from(intervalSource({ everyMs: 10, count: 5 }))
    .pipe(
      derive({
        half: float64(({ tick }) => {
          if (tick === 2n) throw new Error('odd');
          return Number(tick) / 2;
        }),
      }),
    )
    .to(memorySink())
    .run({ log: loggerWith(broken) });
  expect(report).toMatchObject({ status: 'done', recordsOut: 4, deadLetters: 1 });
  await new Promise((resolve) => setImmediate(resolve));
  const told = warned.map((warning) => (warning as Error & { code?: string }).code);
  expect(told.length).toBeLessThanOrEqual(1);
  if (!['debug', 'warning', 'critical'].includes(_)) expect(told).toEqual(['ERR_LOG_CLOSED']);
});
