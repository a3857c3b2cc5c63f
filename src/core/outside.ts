import { systemClock } from './clock.ts';
import type { Outside } from './context.ts';
import { systemRandom } from './random.ts';
import { systemFiles } from './system-files.ts';
import { systemNetwork } from './system-network.ts';

/** This machine. Relative paths start at `directory`, the process's own unless given. */
export function systemOutside(directory?: string): Outside {
  return {
    clock: systemClock,
    random: systemRandom,
    files: systemFiles(directory),
    network: systemNetwork,
  };
}
