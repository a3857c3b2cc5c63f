import { nearest } from '../../batch/nearest.ts';
import { defaultSettings } from '../description.ts';

/** The keys that a pipeline file may have. */
export const configKeys: readonly string[] = [
  '$schema',
  'name',
  'source',
  'sources',
  'stages',
  'sink',
  'sinks',
  'deadLetters',
  'policies',
  ...Object.keys(defaultSettings),
];

/** The key that an unknown one seems to mean. */
export function meantKey(key: string): string | undefined {
  return configKeys.includes(key) ? undefined : nearest(key, configKeys);
}

/** `did you mean \`x\`?`, or the list of what there is. */
export function suggestion(word: string, known: readonly string[], what: string): string {
  const meant = nearest(word, known);
  return meant === undefined ? `${what}: ${known.join(', ')}` : `did you mean \`${meant}\`?`;
}
