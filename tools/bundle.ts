/**
 * Joins the modules that the compiler wrote into a `dist` directory: `node tools/bundle.ts dist`. What
 * is loaded together becomes one file, so that a program starts in half the time; what is loaded when
 * it is needed stays apart. Types stay as they are, and so do the paths of the entries.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { rolldown } from 'rolldown';

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

async function main(dist: string): Promise<void> {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string>>;
  };
  const entries = Object.values(exports).flatMap(
    (target) => /^\.\/dist\/(.+)\.js$/.exec(target)?.[1] ?? [],
  );
  const build = await rolldown({
    cwd: dist,
    input: Object.fromEntries(
      [...entries, ...fixed].map((name) => [name, join(dist, `${name}.js`)]),
    ),
    platform: 'node',
    // Else a program would lend what it shares, and whoever borrows it would start the program.
    preserveEntrySignatures: 'strict',
    // Packages. A path has a dot, a slash or, on Windows, the letter of a drive before it.
    external: /^(?![./]|[a-z]:[/\\])/i,
    // Joined and nothing else: what a module does when it is loaded stays, and so does each statement,
    // else a trace would lead beside it.
    treeshake: false,
    plugins: [{ name: 'compiled', load: compiled }],
  });
  const { output } = await build.generate({
    // Maps tell where the sources are from where their files will be.
    dir: dist,
    sourcemap: true,
    minify: false,
    keepNames: true,
    chunkFileNames: 'chunks/[name].js',
  });
  await build.close();
  const names = await readdir(dist, { recursive: true });
  for (const name of names) if (/\.js(\.map)?$/.test(name)) rmSync(join(dist, name));
  for (const file of output) {
    const path = join(dist, file.fileName);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.type === 'chunk' ? file.code : file.source);
  }
}

/** With the map that the compiler wrote beside it, so that what is told of is the source. */
async function compiled(id: string): Promise<{ code: string; map: string }> {
  const [code, map] = await Promise.all([readFile(id, 'utf8'), readFile(`${id}.map`, 'utf8')]);
  return { code, map };
}

await main(resolve(root, process.argv[2]!));
