import { join } from 'node:path';
import process from 'node:process';

import { systemFiles } from '../core/index.ts';
import { openOwn } from './own-file.ts';

/** Where a run is served, as it is kept for who looks at it from this machine. */
export interface ServedAddress {
  readonly url: string;
  /** Whether its tokens are kept beside it, or were given to the run and are kept nowhere. */
  readonly tokens: 'kept' | 'given';
  /** The process of the run. */
  readonly pid: number;
  /** When that began, as `beginOf` tells it. */
  readonly began: string | null;
}

const fileName = 'server-address.json';

/**
 * The address in `server-address.json` of a state directory; undefined where none is told, also where
 * its process was killed: another may listen there now.
 */
export async function servedAddress(directory: string): Promise<ServedAddress | undefined> {
  const address = await writtenAddress(directory);
  if (address === undefined || !isOurs(address.pid)) return undefined;
  return (await beginOf(address.pid)) === address.began ? address : undefined;
}

function isOurs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/**
 * When a process began, in ticks since the machine did: a number that is given anew is of another.
 * Null where there is no `/proc` to tell it.
 */
async function beginOf(pid: number): Promise<string | null> {
  const text = await systemFiles()
    .readText(`/proc/${pid}/stat`)
    .catch(() => '');
  // The name of the program, which comes before, may have blanks and brackets.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

/** As it was written last, also by a run that was killed. */
export async function writtenAddress(directory: string): Promise<ServedAddress | undefined> {
  await using file = await openOwn(join(directory, fileName), 'read');
  if (file === undefined) return undefined;
  try {
    const told = JSON.parse(await file.readFile('utf8')) as Partial<ServedAddress>;
    const { url, pid, began = null, tokens = 'kept' } = told;
    if (typeof url !== 'string' || typeof pid !== 'number') return undefined;
    return { url, pid, began, tokens };
  } catch {
    // Half written: its process is just beginning.
    return undefined;
  }
}

/** Keeps an address in a state directory, for as long as it is not disposed of. */
export class KeptAddress implements AsyncDisposable {
  readonly #directory: string;
  readonly #served: Pick<ServedAddress, 'url' | 'tokens'>;
  readonly #written: Promise<void>;

  /** `failed`: is told why it is not kept, where that fails. */
  constructor(
    directory: string,
    served: Pick<ServedAddress, 'url' | 'tokens'>,
    failed: (error: unknown) => void,
  ) {
    this.#directory = directory;
    this.#served = served;
    this.#written = this.#write().catch(failed);
  }

  /** Takes it away, unless another run of the pipeline has come since. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#written;
    const kept = await writtenAddress(this.#directory).catch(() => undefined);
    if (kept?.url !== this.#served.url || kept.pid !== process.pid) return;
    await systemFiles().remove(join(this.#directory, fileName));
  }

  async #write(): Promise<void> {
    const { pid } = process;
    const address: ServedAddress = { ...this.#served, pid, began: await beginOf(pid) };
    await systemFiles().makeDirectory(this.#directory, 'private');
    await using file = await openOwn(join(this.#directory, fileName), 'make');
    await file.truncate(0);
    await file.writeFile(`${JSON.stringify(address)}\n`);
  }
}
