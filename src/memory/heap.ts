import process from 'node:process';
import { GCProfiler, setFlagsFromString } from 'node:v8';
import { runInNewContext, runInThisContext } from 'node:vm';

const stillBytes = 1024;
const collectionsMax = 10;

/** What heap and buffers hold: exact behind a forced collection. */
function bytesInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The same once everything that nobody reaches is gone. */
export function bytesReached(): number {
  const collect = collector();
  let before = Number.POSITIVE_INFINITY;
  for (let count = 0; count < collectionsMax; count++) {
    collect();
    const bytes = bytesInUse();
    // Buffers are given back only by the collection after the one that found them.
    if (Math.abs(bytes - before) < stillBytes) return bytes;
    before = bytes;
  }
  return before;
}

/** The most that heap and buffers held while `work` was done: it only falls where V8 collects. */
export async function highWater(work: () => void | Promise<void>): Promise<number> {
  const profiler = new GCProfiler();
  profiler.start();
  let bytes = 0;
  try {
    await work();
    bytes = bytesInUse();
  } finally {
    for (const { beforeGC } of profiler.stop().statistics) {
      const { usedHeapSize, externalMemory } = beforeGC.heapStatistics;
      bytes = Math.max(bytes, usedHeapSize + externalMemory);
    }
  }
  return bytes;
}

/** Whether V8 keeps the fields of an object by a hidden class, not in a dictionary of its own. */
export function hasFastShape(target: object): boolean {
  const ask = '(target) => %HasFastProperties(target)';
  const call = (): boolean => (runInThisContext(ask) as (target: object) => boolean)(target);
  if (process.execArgv.includes('--allow-natives-syntax')) return call();
  setFlagsFromString('--allow-natives-syntax');
  try {
    return call();
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}

function collector(): () => void {
  const given = (globalThis as { gc?: () => void }).gc;
  if (given !== undefined) return given;
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
