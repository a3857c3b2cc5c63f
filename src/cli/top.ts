import process from 'node:process';

import { systemClock } from '../core/index.ts';
import { escapeControls } from '../core/plain-text.ts';
import { systemNetwork } from '../core/system-network.ts';
import { hasEnded, hasFailed, type RunStatus } from '../observe/snapshot.ts';
import { exitCodes } from './failure.ts';
import { FullScreen } from './full-screen.ts';
import { widthOf } from './screen.ts';
import type { Terminal } from './terminal.ts';
import { ask, Feed, jsonOf, statsOf } from './top/feed.ts';
import { keysOf } from './top/keys.ts';
import { assertPrivate, findRun, findTarget, type Target } from './top/target.ts';
import { TopView } from './top/view.ts';

export interface TopOptions {
  readonly once?: boolean;
  readonly json?: boolean;
  readonly insecureHttp?: boolean;
}

/**
 * Shows a served run, live on a terminal, or once: gives the exit code. Throws a `NoAnswerError`
 * where the server does not answer, or does not allow it.
 */
export async function watchRun(
  text: string | undefined,
  options: TopOptions,
  terminal: Terminal,
): Promise<number> {
  let find = (): Promise<Target> => findTarget(text, process.env);
  const target = async (): Promise<Target> => {
    const found = await find();
    assertPrivate(found, options.insecureHttp ?? false);
    const { name, url } = found;
    // It may come back elsewhere, and another run meanwhile.
    find = () => (name === undefined ? findTarget(url, process.env) : findRun(name, process.env));
    return found;
  };
  if (options.json) return printSnapshot(await target(), terminal);
  const isLive = terminal.out.isTTY && process.env['TERM'] !== 'dumb' && !options.once;
  return isLive ? watchLive(target, terminal) : printOnce(target, terminal);
}

const answerMsMax = 5000;

/** As the server has it. */
async function printSnapshot(target: Target, terminal: Terminal): Promise<number> {
  const late = new AbortController();
  const timer = systemClock.timer(() => late.abort(new Error('it does not answer')));
  timer.set(systemClock.monotonic() + answerMsMax);
  try {
    const answer = await ask(systemNetwork, target, '/api/v1/snapshot', late.signal);
    const figures = statsOf(jsonOf(await answer.text()), target);
    terminal.print(escapeControls(JSON.stringify(figures)));
    return codeOf(figures.status);
  } finally {
    timer.stop();
  }
}

/** Rates need figures of two moments; a server whose loop stands still gives those of one. */
const secondMsMax = 2500;

async function printOnce(target: () => Promise<Target>, terminal: Terminal): Promise<number> {
  const over = new AbortController();
  const enough = systemClock.timer(() => over.abort());
  let first: number | undefined;
  const feed = new Feed({
    target,
    clock: systemClock,
    network: systemNetwork,
    changed: () => {
      const { seen } = feed;
      if (seen === undefined) return;
      if (first === undefined) {
        first = seen.stats.monotonicMs;
        enough.set(systemClock.monotonic() + secondMsMax);
      }
      // Less than half a second tells no rate; nothing more comes of a run that has ended.
      const isRated = seen.stats.monotonicMs >= first + 500 && seen.health !== undefined;
      if (isRated || hasEnded(seen.stats.status) || seen.away !== null) over.abort();
    },
  });
  await feed.follow(over.signal);
  enough.stop();
  const seen = feed.seen!;
  const view = new TopView((format, text) => terminal.style(format, text, terminal.out));
  for (const line of view.all(seen, widthOf(terminal.out))) terminal.print(line.trimEnd());
  const isLost = seen.away !== null && !hasEnded(seen.stats.status);
  return isLost ? exitCodes.unreachable : codeOf(seen.stats.status);
}

function codeOf(status: RunStatus): number {
  return hasFailed(status) ? exitCodes.failed : exitCodes.done;
}

const drawEveryMs = 1000;

const signals = {
  SIGINT: exitCodes.interrupted,
  SIGTERM: exitCodes.terminated,
  SIGHUP: exitCodes.hungUp,
} as const;

async function watchLive(target: () => Promise<Target>, terminal: Terminal): Promise<number> {
  const over = new AbortController();
  let exitCode: number = exitCodes.done;
  for (const [signal, code] of Object.entries(signals)) {
    process.on(signal, () => {
      exitCode = code;
      over.abort();
    });
  }
  const view = new TopView((format, text) => terminal.style(format, text, terminal.out));
  const drawing = systemClock.timer(() => draw());
  const feed = new Feed({
    target,
    clock: systemClock,
    network: systemNetwork,
    changed: () => draw(),
  });
  using screen = new FullScreen({
    input: process.stdin,
    out: terminal.out,
    sent: (text) => press(text),
    resized: () => draw(),
  });
  const draw = (): void => {
    const { seen } = feed;
    if (seen === undefined || over.signal.aborted) return;
    // Not before: why there is nothing to see is said where one is.
    screen.enter();
    screen.draw(
      view.lines(seen, { columns: widthOf(terminal.out), rows: terminal.out.rows || 24 }),
    );
    drawing.set(systemClock.monotonic() + drawEveryMs);
  };
  const press = (text: string): void => {
    for (const asked of keysOf(text).map((key) => view.press(key))) {
      if (asked === 'quit') over.abort();
      if (asked === 'suspend') {
        screen[Symbol.dispose]();
        process.kill(process.pid, 'SIGTSTP');
      }
    }
    draw();
  };
  try {
    await feed.follow(over.signal);
  } finally {
    drawing.stop();
  }
  return exitCode;
}
