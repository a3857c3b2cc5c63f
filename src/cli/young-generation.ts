import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the room that V8 has for new objects at what it is once a pipeline is planned, 8 MiB or so.
 * What a batch leaves behind is garbage by the next one, so more room only takes longer to fill; yet
 * V8 doubles it now and then in a run that goes on, to 64 MiB. Threads that begin later have 1 MiB,
 * and keep that.
 */
export function keepYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
