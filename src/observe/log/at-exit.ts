import process from 'node:process';

const flushes = new Set<() => void>();

function flushAll(): void {
  for (const flush of flushes) flush();
}

/** Calls when the process ends, by one listener however many there are. Gives what undoes it. */
export function atExit(flush: () => void): () => void {
  if (flushes.size === 0) process.on('exit', flushAll);
  flushes.add(flush);
  return () => {
    if (flushes.delete(flush) && flushes.size === 0) process.off('exit', flushAll);
  };
}
