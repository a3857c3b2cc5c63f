/**
 * Joins the modules that the compiler wrote into a `dist` directory: `node tools/bundle.ts dist`. What
 * is loaded together becomes one file, so that a program starts in half the time; what is loaded when
 * it is needed stays apart. Types stay as they are, and so do the paths of the entries.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { type CodeSplittingGroup, type InputOptions, type Plugin, rolldown } from 'rolldown';

import { licensesOf, packageOf } from './licenses.ts';

const root = join(import.meta.dirname, '..');

/** What keeps its path: programs of a thread or a process, and the module that knows where they are. */
const fixed = [
  'cli/compile-cache',
  'cli/main',
  'lane-thread',
  'memory/measuring-process',
  'memory/parent-watch',
  'own-files',
  'server/thread',
];

/**
 * Packages that become a file each: of their own they have 170 for the start of a run to find, read and
 * link, which takes a quarter of its time. Our types name those of zod, so it is a dependency too.
 */
const joined = ['commander', 'yaml', 'zod'];

/** What shares a file with nothing: what begins the compile cache, and what knows where it is. */
const alone = ['cli/compile-cache', 'own-files'];

/** What plans and runs a pipeline from file to file: most load that, whatever they load later. */
const work = [
  'connectors/file/plan',
  'connectors/file/records',
  'connectors/file/sink',
  'connectors/file/source',
  'connectors/file/start',
  'core/single-calls',
  'engine/config',
  'engine/plan',
  'engine/plan/lanes',
  'engine/run',
  'observe/alerts',
];

/**
 * What is loaded together, by the modules that it begins with. What the same of these load, and so all
 * else does or does not, is one file.
 */
const programs: Programs = {
  batch: ['batch/index'],
  codec: ['batch/codec'],
  library: ['index'],
  work,
  command: ['cli/main'],
  run: ['cli/main', 'cli/run', ...work],
};

async function main(dist: string): Promise<void> {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string>>;
  };
  const entries = Object.values(exports).flatMap(
    (target) => /^\.\/dist\/(.+)\.js$/.exec(target)?.[1] ?? [],
  );
  const input: InputOptions = {
    cwd: dist,
    input: Object.fromEntries(
      [...entries, ...fixed].map((name) => [name, join(dist, `${name}.js`)]),
    ),
    platform: 'node',
    // Else a program would lend what it shares, and whoever borrows it would start the program.
    preserveEntrySignatures: 'strict',
    // Packages. A path has a dot, a slash or, on Windows, the letter of a drive before it.
    external: (id) => /^(?![./]|[a-z]:[/\\])/i.test(id) && !joined.includes(id.split('/')[0]!),
    // Joined and nothing else: what a module does when it is loaded stays, and so does each statement,
    // else a trace would lead beside it.
    treeshake: false,
  };
  const loads = await loadedBy(input, dist);
  const begun = new Set(Object.values(programs).flat());
  const others = [...entries, ...fixed].filter((name) => !begun.has(name));
  const build = await rolldown({ ...input, plugins: [compiled] });
  const { output } = await build.generate({
    // Maps tell where the sources are from where their files will be.
    dir: dist,
    sourcemap: true,
    minify: false,
    keepNames: true,
    comments: { annotation: true, jsdoc: false, legal: true },
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: {
      groups: [
        ...alone.map((name) => groupOf(name, new Set([join(dist, `${name}.js`)]))),
        ...joined.map((name) => ({ name, test: (id: string) => packageOf(id)?.name === name })),
        ...sharedFiles({ ...programs, others }, dist, loads),
      ],
    },
  });
  await build.close();
  const names = await readdir(dist, { recursive: true });
  for (const name of names) if (/\.js(\.map)?$/.test(name)) rmSync(join(dist, name));
  for (const file of output) {
    const path = join(dist, file.fileName);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.type === 'chunk' ? file.code : file.source);
  }
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
  writeFileSync(join(dist, 'licenses.md'), licensesOf(modules));
}

type Programs = Readonly<Record<string, readonly string[]>>;

/** The modules that some modules, by name, load with all that they import; not what they load later. */
async function loadedBy(
  input: InputOptions,
  dist: string,
): Promise<(names: readonly string[]) => Set<string>> {
  const imports = new Map<string, readonly string[]>();
  const found: Plugin = {
    name: 'found',
    buildEnd() {
      for (const id of this.getModuleIds()) imports.set(id, this.getModuleInfo(id)!.importedIds);
    },
  };
  const build = await rolldown({ ...input, plugins: [found] });
  await build.generate();
  await build.close();
  return (names) => {
    const ids = new Set(names.map((name) => join(dist, `${name}.js`)));
    const missing = [...ids].find((id) => !imports.has(id));
    if (missing !== undefined) throw new Error(`there is no ${missing} to begin with`);
    for (const id of ids) for (const imported of imports.get(id) ?? []) ids.add(imported);
    return ids;
  };
}

/** A file for each set of programs that load the same modules, what more of them load before the rest. */
function sharedFiles(
  all: Programs,
  dist: string,
  loads: (names: readonly string[]) => Set<string>,
): CodeSplittingGroup[] {
  const loaded = Object.entries(all).map(([name, begin]) => ({ name, ids: loads(begin) }));
  const files = new Map<string, { readonly by: readonly string[]; readonly ids: Set<string> }>();
  const starting = new Set(fixed.map((name) => join(dist, `${name}.js`)));
  // Whoever borrowed from a file with a program in it would start that program.
  for (const id of new Set(loaded.flatMap(({ ids }) => [...ids])).difference(starting)) {
    const by = loaded.flatMap(({ name, ids }) => (ids.has(id) ? [name] : []));
    const file = files.get(by.join('-')) ?? { by, ids: new Set() };
    files.set(by.join('-'), file);
    file.ids.add(id);
  }
  return [...files]
    .sort(([, { by }], [, { by: other }]) => other.length - by.length)
    .filter(([name]) => name !== 'others')
    .map(([name, { ids }]) => groupOf(name, ids));
}

function groupOf(name: string, ids: ReadonlySet<string>): CodeSplittingGroup {
  return { name: basename(name), test: (id) => ids.has(id) };
}

/** Gives the map that the compiler wrote beside a module, so that what is told of is the source. */
const compiled: Plugin = {
  name: 'compiled',
  async load(id) {
    if (!id.endsWith('.js') || packageOf(id) !== undefined) return null;
    const [code, map] = await Promise.all([readFile(id, 'utf8'), readFile(`${id}.map`, 'utf8')]);
    return { code, map };
  },
};

await main(resolve(root, process.argv[2]!));
