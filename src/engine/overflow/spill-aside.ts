import type { Schema } from '../../batch/index.ts';
import type { FileFacts, Files } from '../../core/index.ts';

/** Where segments are. */
export interface SpillPlace {
  readonly files: Files;
  readonly directory: string;
  /** Of all segments together. */
  readonly bytesMax: number;
}

/** Why a segment is put aside, as its name says then. */
export type AsideReason = 'damaged' | 'schema';

/** A segment that cannot be read any further, and what is lost with it. */
export interface SegmentAside {
  /** Where it is now. */
  readonly path: string;
  readonly reason: AsideReason;
  readonly rows: number;
  /** What is wrong with it, for people. */
  readonly message: string;
}

/**
 * Renames a segment that cannot be read, for whoever wants to look at it or have it read after all.
 * What is put aside takes `bytesMax` in all; the oldest beyond that is removed. Gives its new path.
 */
export async function putAside(
  { files, directory, bytesMax }: SpillPlace,
  path: string,
  reason: AsideReason,
): Promise<string> {
  let aside = `${path}.${reason}`;
  // Numbers come again, and what is there already is another one.
  for (let more = 2; (await files.facts(aside)) !== undefined; more++) {
    aside = `${path}.${reason}-${more}`;
  }
  await files.rename(path, aside);
  await removeBeyond({ files, directory, bytesMax });
  return aside;
}

async function removeBeyond({ files, directory, bytesMax }: SpillPlace): Promise<void> {
  const kept: (FileFacts & { readonly path: string })[] = [];
  for (const path of await files.match(`${asPattern(directory)}/*.spill.*`)) {
    const facts = await files.facts(path);
    if (facts !== undefined) kept.push({ ...facts, path });
  }
  let bytes = 0;
  for (const { path, sizeBytes } of kept.sort((a, b) => b.modifiedMs - a.modifiedMs)) {
    bytes += sizeBytes;
    if (bytes > bytesMax) await files.remove(path);
  }
}

/** What differs first between what was written and what is expected. */
export function schemaDifference(was: Schema, is: Schema): string {
  const names = new Set([...was.fields, ...is.fields].map(({ name }) => name));
  for (const name of names) {
    const [before, now] = [kindIn(was, name), kindIn(is, name)];
    if (before === now) continue;
    if (before === undefined) return `it has no field \`${name}\``;
    if (now === undefined) return `the field \`${name}\` is gone`;
    return `the field \`${name}\` was ${before} and is ${now}`;
  }
  return 'its fields are in another order';
}

function kindIn({ fields }: Schema, name: string): string | undefined {
  const field = fields.find((one) => one.name === name);
  return field && `${field.kind}${field.nullable ? '?' : ''}`;
}

/** A path as a pattern that matches it alone. */
export function asPattern(path: string): string {
  return path.replaceAll(/[*?[{(]/g, '[$&]');
}
