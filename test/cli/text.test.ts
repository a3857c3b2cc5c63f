import type { WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createLogger } from '../../src/cli/log.ts';
import { Estimate, progressLine } from '../../src/cli/progress.ts';
import { recordsPerSecond } from '../../src/cli/rate.ts';
import { widthOf } from '../../src/cli/screen.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { formatBytes, formatDuration } from '../../src/cli/text.ts';
import { alignColumns, escapeControls } from '../../src/core/plain-text.ts';
import { VirtualClock } from '../../src/core/index.ts';
import type { RunStats } from '../../src/observe/index.ts';
import { componentStats, runStats } from '../observe/run-stats.ts';
import { PipelineError } from '../../src/errors.ts';

class Paper {
  text = '';
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  on(): this {
    return this;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

function paperTerminal(isTTY = false): { terminal: Terminal; err: Paper } {
  const err = new Paper(isTTY);
  const terminal = new Terminal(new Paper(isTTY) as never, err as unknown as WriteStream);
  return { terminal, err };
}

describe('numbers for people', () => {
  test.each([
    [0.0123, '0.0123 ms'],
    [999.4, '999 ms'],
    [999.6, '1.00 s'],
    [59_940, '59.9 s'],
    [59_960, '1 min 00 s'],
    [3_723_000, '1 h 02 min'],
  ])('%d ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [999_600, '1.00 MB'],
    [198_000_000, '198 MB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test('columns are as wide as their widest cell', () => {
    expect(
      alignColumns(
        [
          ['a', '1', ''],
          ['bcd', '22', 'x'],
        ],
        new Set([1]),
      ),
    ).toEqual(['a     1', 'bcd  22  x']);
  });
});

describe('log lines', () => {
  test('JSON: timestamp, level, component, event, then what is bound and said', () => {
    const { terminal, err } = paperTerminal();
    const clock = new VirtualClock(0);
    const log = createLogger(terminal, clock, 'INFO').bindContext({ pipeline: 'p' });
    log.bindContext({ component: 'file' }).warning('file.replaced', { offset: 5, big: 2n ** 60n });
    log.debug('not.said');
    expect(err.text).toBe(
      '{"timestamp":"1970-01-01T00:00:00.000Z","level":"WARNING","component":"file","event":"file.replaced","pipeline":"p","offset":5,"big":"1152921504606846976"}\n',
    );
  });

  test('text on a terminal', () => {
    const { terminal, err } = paperTerminal(true);
    createLogger(terminal, new VirtualClock(0), 'INFO').info('run.started', {
      a: 'b\u001b[2J',
      n: 1,
    });
    const plain = stripVTControlCharacters(err.text);
    expect(plain).toBe('00:00:00.000 INFO run run.started a=b\\u001b[2J n=1\n');
  });

  test('errors say code and message, circles and traps do no harm, long text is cut', () => {
    const { terminal, err } = paperTerminal();
    const log = createLogger(terminal, new VirtualClock(0), 'DEBUG');
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const error = new PipelineError({ code: 'ERR_TIMEOUT', place: 'x', fact: 'late' });
    log.error('a.failed', { error, circle });
    const trap = {
      get value(): never {
        throw new Error('trap');
      },
    };
    log.error('b.failed', { trap });
    log.error('c.failed', { text: 'x'.repeat(10_000) });
    const lines = err.text.trimEnd().split('\n');
    expect(JSON.parse(lines[0]!)).toMatchObject({
      error: { code: 'ERR_TIMEOUT', message: 'ERR_TIMEOUT [x] late' },
    });
    expect(() => JSON.parse(lines[1]!) as unknown).not.toThrow();
    expect(lines[2]!.length).toBeLessThan(8500);
  });

  test('any text stays on one line and brings no control character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, isTTY) => {
        const { terminal, err } = paperTerminal(isTTY);
        createLogger(terminal, new VirtualClock(0), 'INFO').info('x.said', { [text]: text });
        const [line, ...rest] = stripVTControlCharacters(err.text).split('\n');
        expect(rest).toEqual(['']);
        expect(escapeControls(line!)).toBe(line);
        if (!isTTY) expect(JSON.parse(line!)).toMatchObject({ event: 'x.said' });
      }),
    );
  });
});

describe('the status of a run', () => {
  /** One terminal behind both streams: what stands on it, line by line. */
  class Window {
    readonly isTTY = true;
    columns = 40;
    rows = 10;
    #lines = [''];
    #at = 0;

    get lines(): readonly string[] {
      return this.#lines;
    }

    on(): this {
      return this;
    }

    write(text: string): boolean {
      // eslint-disable-next-line no-control-regex
      for (const [part, up] of text.matchAll(/\u001B\[(\d*)[AJK]|[^\u001B]/g)) {
        if (part.endsWith('A')) this.#at -= Number(up);
        else if (part === '\u001B[J') this.#lines.splice(this.#at, Infinity, '');
        else if (part === '\u001B[K' || part === '\r') continue;
        else if (part === '\n') this.#lines[++this.#at] ??= '';
        else this.#lines[this.#at] += part;
      }
      return true;
    }
  }

  function windowTerminal(): { window: Window; terminal: Terminal } {
    const window = new Window();
    // Two streams, as standard output and standard error are.
    const stream = (): WriteStream =>
      Object.create(window, {
        write: { value: (text: string) => window.write(text), writable: true },
      }) as WriteStream;
    return { window, terminal: new Terminal(stream(), stream()) };
  }

  test('stays below the rows that a sink writes to the same terminal, and the log', () => {
    const { window, terminal } = windowTerminal();
    terminal.showStatus(() => ['1 record']);
    terminal.out.write('row 1\nrow 2\n');
    terminal.complain('a log line');
    expect(window.lines).toEqual(['row 1', 'row 2', 'a log line', '1 record', '']);
    terminal.out.write('row 3\n');
    expect(window.lines).toEqual(['row 1', 'row 2', 'a log line', 'row 3', '1 record', '']);
    terminal.hideStatus();
    terminal.print('the report');
    expect(window.lines).toEqual(['row 1', 'row 2', 'a log line', 'row 3', 'the report', '']);
  });

  test.each([
    [undefined, 80],
    [0, 80],
    [33, 33],
  ])('of a terminal that says %s columns has %i', (said, columns) => {
    const { window, terminal } = windowTerminal();
    Object.assign(window, { columns: said });
    let shown = 0;
    terminal.showStatus((width) => [`${(shown = width)}`]);
    expect([widthOf(terminal.out), shown]).toEqual([columns, columns]);
  });

  test('is not shown while a row is written only in part', () => {
    const { window, terminal } = windowTerminal();
    terminal.showStatus(() => ['1 record']);
    terminal.out.write('[{"a":1}');
    terminal.showStatus(() => ['2 records']);
    expect(window.lines).toEqual(['[{"a":1}']);
    terminal.out.write(']\n');
    terminal.showStatus(() => ['3 records']);
    expect(window.lines).toEqual(['[{"a":1}]', '3 records', '']);
  });

  test.each([
    [4, 3],
    [1, 1],
    [20, 8],
  ])(
    'never fills a window of %i lines, of which the first would be out of reach',
    (rows, shown) => {
      const { window, terminal } = windowTerminal();
      window.rows = rows;
      terminal.showStatus(() => Array.from({ length: 8 }, (_, at) => `line ${at}`));
      expect(window.lines).toHaveLength(shown + 1);
      expect(window.lines[0]).toBe('line 0');
    },
  );

  test('is taken away whole where the terminal has wrapped it', () => {
    const { window, terminal } = windowTerminal();
    window.columns = 20;
    // As a terminal of 20 columns shows a line of 30 that was drawn on a wider one.
    terminal.showStatus(() => ['x'.repeat(30)]);
    let written = '';
    Object.assign(terminal.err, { write: (text: string) => (written += text) });
    terminal.hideStatus();
    expect(written).toBe('\u001B[2A\r\u001B[J');
  });
});

test('the rate is that of all sources', () => {
  const components = [
    componentStats('a', { kind: 'source', perSecond: 1000 }),
    componentStats('b', { kind: 'source', perSecond: 500 }),
    componentStats('c', { perSecond: 70 }),
  ];
  expect(recordsPerSecond(runStats(0, { components }))).toBe(1500);
});

describe('progress', () => {
  const stats = (partial: Partial<RunStats>): RunStats => runStats(0, partial);

  test('a line with what there is to say', () => {
    const running = stats({ recordsIn: 1_234_567, bytesIn: 85_300_000, deadLetters: 2 });
    expect(progressLine(running, 411_522, 3200)).toBe(
      '1,234,567 records  411,522/s  85.3 MB  3.20 s left  2 dead letters',
    );
    const draining = stats({ status: 'draining', degraded: { out: 'the disk is full' } });
    expect(progressLine(draining, 0, undefined)).toBe(
      '0 records  0/s  stopping  out: the disk is full',
    );
  });

  test('the time left: of the goal that comes first', () => {
    const estimate = new Estimate({ durationMsMax: 10_000, recordsMax: 1000 });
    expect(estimate.leftMs(stats({ durationMs: 2000 }))).toBe(8000);
    expect(estimate.leftMs(stats({ durationMs: 2000, recordsIn: 500 }))).toBe(2000);
  });

  /** Figures of two sources that are so far behind. */
  function behind(
    durationMs: number,
    ...lags: readonly (readonly [number, 'records' | 'bytes'] | undefined)[]
  ): RunStats {
    const components = lags.map((lag, at) =>
      componentStats(`source-${at}`, {
        kind: 'source',
        source: {
          isPaced: false,
          hasEnded: false,
          ...(lag && { lag: { value: lag[0], unit: lag[1] } }),
        },
      }),
    );
    return stats({ durationMs, components });
  }

  test('the time left: from how fast the lag shrinks, where every source knows it', () => {
    const none = { durationMsMax: undefined, recordsMax: undefined };
    const estimate = new Estimate(none);
    expect(estimate.leftMs(behind(0, [100, 'bytes'], [100, 'bytes']))).toBeUndefined();
    expect(estimate.leftMs(behind(1000, [100, 'bytes'], [50, 'bytes']))).toBe(3000);
    for (const other of [undefined, [5, 'records']] as const) {
      const mixed = new Estimate(none);
      mixed.leftMs(behind(0, [10, 'bytes'], other));
      expect(mixed.leftMs(behind(1000, [5, 'bytes'], other))).toBeUndefined();
    }
  });
});
