import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';

/** The repository. */
export const root: string = join(import.meta.dirname, '..');

export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, without standard input, with this Node first on its path. */
export function runCommand(
  command: string,
  options: readonly string[],
  directory: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  const path = [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter);
  const child = spawn(command, options, {
    cwd: directory,
    env: { ...process.env, PATH: path, NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.on('error', reject);
  child.on('close', (code) => resolve({ exitCode: code ?? 1, stdout, stderr }));
  return promise;
}

/** The same; throws with what the command said where it fails. */
export async function mustRun(...run: Parameters<typeof runCommand>): Promise<string> {
  const { exitCode, stdout, stderr } = await runCommand(...run);
  if (exitCode === 0) return stdout;
  const [command, options] = run;
  throw new Error(
    `\`${command} ${options.join(' ')}\` ended with ${exitCode}:\n${stdout}${stderr}`,
  );
}
