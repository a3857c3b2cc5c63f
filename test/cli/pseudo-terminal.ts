import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import process from 'node:process';

import { onTestFinished } from 'vitest';

import type { StartOptions } from './millrace.ts';

/** Whether there is the `script` of util-linux, which gives a program a terminal. */
export function hasPseudoTerminal(): boolean {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux');
  } catch {
    return false;
  }
}

export interface OnTerminal {
  /** All that it has written, and the exit code once it has ended. */
  readonly said: { text: string; code: number | undefined };
  /** The lines of its last whole picture. */
  picture(): string[];
  /** As keys. */
  type(keys: string): void;
  /** The program itself, once it runs. */
  pid(): number;
  resize(columns: number, rows: number): void;
}

/** Runs a program of Node on a terminal of its own, 80 × 24. */
export function onTerminal(words: readonly string[], options: StartOptions = {}): OnTerminal {
  const { PATH, HOME } = process.env;
  const quoted = [process.execPath, ...words].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const command = `stty cols 80 rows 24; echo pid $$ tty $(tty); exec ${quoted.join(' ')}`;
  const child: ChildProcess = spawn('script', ['-qefc', command, '/dev/null'], {
    cwd: options.cwd,
    env: { PATH, HOME, TERM: 'xterm', SHELL: '/bin/sh', ...options.env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said: OnTerminal['said'] = { text: '', code: undefined };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (said.text += text));
  child.once('close', (code) => (said.code = code ?? -1));
  return {
    said,
    picture: () => {
      const [last = ''] = said.text.split('\u001B[H').slice(-1);
      // oxlint-disable-next-line no-control-regex -- it is what goes to a terminal
      const plain = last.replaceAll(/\u001B\[[\d;?]*[A-Za-z]/g, '');
      return plain.split('\r\n').map((line) => line.trimEnd());
    },
    type: (keys) => void child.stdin!.write(keys),
    pid: () => Number(/pid (\d+)/.exec(said.text)![1]),
    resize: (columns, rows) => {
      const tty = / tty (\S+)/.exec(said.text)![1]!;
      execFileSync('stty', ['-F', tty, 'cols', `${columns}`, 'rows', `${rows}`]);
    },
  };
}
