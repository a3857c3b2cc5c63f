import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';

export const root: string = join(import.meta.dirname, '..', '..');
/** What a user starts: the built command line. */
export const cli: string = join(root, 'bin', 'millrace.cjs');

/** What a process took, from before it was started until it had ended. */
export interface Ended {
  readonly ms: number;
  /** Until the first byte of its standard output; NaN where there was none. */
  readonly firstByteMs: number;
  readonly stdout: string;
}

/** Runs Node to its end in the root of the repository. Throws where it fails. */
export function runNode(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  const start = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let firstByteMs = NaN;
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.once('data', () => (firstByteMs = performance.now() - start));
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.on('error', reject);
  child.on('close', (code) => {
    const ms = performance.now() - start;
    if (code === 0) resolve({ ms, firstByteMs, stdout: Buffer.concat(out).toString() });
    else reject(new Error(`\`node ${args.join(' ')}\` ended with ${code}:\n${Buffer.concat(err)}`));
  });
  return promise;
}

/** How long a Node process takes, start and end in it. */
export async function seconds(args: readonly string[]): Promise<number> {
  return (await runNode(args)).ms / 1000;
}

/** The most memory that a Node process had resident, in MiB, as the kernel has it. */
export async function peakMemoryOf(args: readonly string[], directory: string): Promise<number> {
  const path = join(directory, 'peak-memory');
  const observer = join(import.meta.dirname, 'peak-memory.ts');
  await runNode(['--import', observer, ...args], { MILLRACE_BENCH_PEAK: path });
  const kibibytes = Number(readFileSync(path, 'utf8'));
  rmSync(path);
  return kibibytes / 1024;
}
