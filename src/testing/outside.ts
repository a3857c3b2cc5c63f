import { type Outside, seededRandom, VirtualClock } from '../core/index.ts';
import { VirtualFiles } from './virtual-files.ts';
import { VirtualNetwork } from './virtual-network.ts';

/** An outside of its own: virtual time, seeded chance, files and network in memory. */
export interface VirtualOutside extends Outside {
  readonly clock: VirtualClock;
  readonly files: VirtualFiles;
  readonly network: VirtualNetwork;
}

/** The same seed gives the same run. */
export function virtualOutside(seed: number | string = 'test'): VirtualOutside {
  const clock = new VirtualClock();
  return {
    clock,
    random: seededRandom(seed),
    files: new VirtualFiles({}, clock),
    network: new VirtualNetwork(),
  };
}
