import { Buffer } from 'node:buffer';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';

import type { FileLock } from '../../core/index.ts';
import { stateDirectory } from '../../core/state-directory.ts';
import { PipelineError } from '../../errors.ts';
import type { Plan } from '../planned.ts';
import type { TierParts } from '../resources/tier-life.ts';

/**
 * The right of one run to the state directory of its pipeline, where it keeps anything there. Two at
 * a time would read, and remove, each other's files.
 */
export class StateLock implements TierParts<FileLock> {
  readonly name = 'state';
  readonly openMsMax: number;
  readonly closeMsMax: number;
  readonly #plan: Plan;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.openMsMax = plan.settings.openMsMax;
    this.closeMsMax = plan.settings.closeMsMax;
  }

  /** Throws `ERR_STATE_LOCKED` where another run has it. */
  readonly open = (): Promise<FileLock> => this.#plan.outside.clock.hold(this.#take());

  readonly close = async (lock: FileLock): Promise<void> => {
    await this.#plan.outside.files.remove(this.#holderPath).catch(() => {});
    await lock.release();
  };

  async #take(): Promise<FileLock> {
    const { files } = this.#plan.outside;
    const directory = this.#directory;
    await files.makeDirectory(dirname(directory), 'private');
    await files.makeDirectory(directory, 'private');
    const lock = await files.lock(join(directory, 'lock'));
    if (lock === undefined) throw await this.#locked();
    await this.#sayWho().catch(() => {});
    return lock;
  }

  get #directory(): string {
    return stateDirectory(process.env, this.#plan.name);
  }

  /** Says who has the lock. */
  get #holderPath(): string {
    return join(this.#directory, 'lock.json');
  }

  async #sayWho(): Promise<void> {
    const { clock, files } = this.#plan.outside;
    const since = new Date(clock.now()).toISOString();
    const who = `${JSON.stringify({ pid: process.pid, host: hostname(), since })}\n`;
    await files.remove(this.#holderPath);
    await using file = await files.open(this.#holderPath, 'private');
    await file.append(Buffer.from(who));
  }

  async #locked(): Promise<PipelineError> {
    const { name, outside } = this.#plan;
    const text = await outside.files.readText(this.#holderPath).catch(() => '');
    const { pid, host, since } = parseHolder(text);
    const who = pid === undefined ? '' : `: process ${pid} on ${host}, since ${since}`;
    return new PipelineError({
      code: 'ERR_STATE_LOCKED',
      place: this.#directory,
      fact: `another run of \`${name}\` is at work${who}`,
      remedy: 'stop it first, or give this pipeline a `name` of its own',
      retryable: true,
    });
  }
}

/** Empty where it is missing, or only half written. */
function parseHolder(text: string): { pid?: unknown; host?: unknown; since?: unknown } {
  try {
    return Object(JSON.parse(text)) as object;
  } catch {
    return {};
  }
}
