/**
 * Where the files of this package are. Nobody else asks where they are themselves: built, modules are
 * joined into larger files, and only this one stays where it is, as deep below the package as here.
 */
const isSource = import.meta.url.endsWith('.ts');

/** A file of the package, by its path in it. */
export function ownFile(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}

/** A module of `src/` that is a program by itself, of a thread or a process; built, where it was built to. */
export function ownProgram(name: string): URL {
  return ownFile(isSource ? `src/${name}.ts` : `dist/${name}.js`);
}
