import { Buffer } from 'node:buffer';

/** The only way to chance. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A generator of its own, fixed by this one's seed and the name: adding one disturbs no other. */
  fork(name: string): Random;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  fork: () => systemRandom,
};

/** 256 bits that nobody can guess, as 43 letters, digits, dashes and underscores. */
export function randomSecret(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(32));
  return Buffer.from(bytes).toString('base64url');
}

/** The same seed gives the same numbers: sfc32 (Chris Doty-Humphrey, PractRand), 32 bits a number. */
export function seededRandom(seed: number | string): Random {
  const text = String(seed);
  let [a, b, c] = [hashText(text, 1), hashText(text, 2), hashText(text, 3)];
  let counter = 1;
  const next = (): number => {
    const mixed = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + mixed;
    c |= 0;
    return (mixed >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 12; round++) next();
  return { next, fork: (name) => seededRandom(`${text}/${name}`) };
}

/** A normal deviate of mean 0 and deviation 1 (Box and Muller, 1958). */
export function normalDeviate(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

function hashText(text: string, salt: number): number {
  let hash = Math.imul(0x811c9dc5 ^ salt, 0x01000193);
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash ^ (hash >>> 15);
}
