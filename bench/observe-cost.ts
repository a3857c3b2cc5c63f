import { join } from 'node:path';

import { root, runNode } from './lib/child.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { takeTurns } from './lib/rounds.ts';

const passes = join(root, 'bench', 'lib', 'observed-passes.ts');

/** What observing a run costs: all of it on, against the same engine with its meters taken out. */
export const observeCost: readonly Measure[] = [
  {
    id: 'observe.columns',
    title: 'three column stages, all observation on',
    peer: 'the engine without its meters',
    unit: 'ns/record',
    target: { within: 1.03 },
    run: (setting) => measure('columns', setting),
  },
  {
    id: 'observe.rows',
    title: 'three row functions, all observation on',
    peer: 'the engine without its meters',
    unit: 'ns/record',
    target: { within: 1.1 },
    run: (setting) => measure('rows', setting),
  },
];

// In processes of their own: what is taken out of one must not be compiled into the other.
async function measure(chain: 'columns' | 'rows', { quick }: Setting): Promise<Samples> {
  const samplesOf = async (eyes: 'observed' | 'blind'): Promise<number[]> => {
    const { stdout } = await runNode(['--expose-gc', passes, chain, eyes, quick ? '1' : '3']);
    return JSON.parse(stdout) as number[];
  };
  return takeTurns(quick ? 1 : 7, {
    ours: () => samplesOf('observed'),
    peer: () => samplesOf('blind'),
  });
}
