import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

/** Texts by path from the root of the repository, with forward slashes. */
export type Sources = ReadonlyMap<string, string>;

export const root: string = join(import.meta.dirname, '..', '..');

/** The files of TypeScript below a directory. */
export function readSources(directory: string): Sources {
  const files = readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .map((file) => posix.join(directory, file.replaceAll('\\', '/')))
    .filter((file) => /\.tsx?$/.test(file))
    .sort();
  return new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
}

export interface Import {
  /** A path from the root for files of ours, else the name of the package. */
  readonly target: string;
  readonly isOurs: boolean;
  readonly isType: boolean;
  /** Loaded when a line of code asks for it, not with the file. */
  readonly isLazy: boolean;
}

const staticImport =
  /^\s*(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]*?\s*from\s*)?['"]([^'"]+)['"]/gm;
const lazyImport = /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g;

/** Every import of a file, in order. */
export function importsOf(file: string, text: string): Import[] {
  const code = withoutComments(text);
  const found = (specifier: string, isType: boolean, isLazy: boolean): Import => {
    const isOurs = specifier.startsWith('.');
    const target = isOurs ? posix.join(dirname(file), specifier) : specifier;
    return { target, isOurs, isType, isLazy };
  };
  return [
    ...[...code.matchAll(staticImport)].map(([, type, from]) =>
      found(from!, type !== undefined, false),
    ),
    ...[...code.matchAll(lazyImport)].map(([, from]) => found(from!, false, true)),
  ];
}

/** The text without comments, as prettier lays them out; lines keep their numbers. */
export function withoutComments(text: string): string {
  return text
    .replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/(^|\s)\/\/.*$/gm, '$1');
}
