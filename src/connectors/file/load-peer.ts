import { PipelineError } from '../../errors.ts';

/** An optional package, and the range that this is written for. */
export interface Peer {
  readonly name: string;
  readonly range: string;
  /** What cannot be done without it. */
  readonly neededBy: string;
}

/** Loads an optional package. Throws `ERR_PEER_MISSING`. */
export async function loadPeer<T>(
  loading: () => Promise<T>,
  { name, range, neededBy }: Peer,
): Promise<T> {
  try {
    return await loading();
  } catch (cause) {
    throw new PipelineError({
      code: 'ERR_PEER_MISSING',
      place: 'file',
      fact: `cannot load \`${name}\`, which ${neededBy} needs`,
      remedy: `npm i ${name}@${range}`,
      cause,
    });
  }
}
