/**
 * Compiles the kernels into a `dist` directory: `node tools/kernels.ts dist`. The setup does it with
 * each build, and the tests before they begin, in a checkout that is not built.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const sources = join(root, 'kernels');
const compiler = join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js');
/** Memory is scratch of fixed size, in pages of 64 KiB: `kernels/layout.ts` says what lies where. */
const pages = '130';
const options = [
  ['--runtime', 'stub'],
  ['--enable', 'simd', '--enable', 'relaxed-simd'],
  ['-O3', '--converge', '--noAssert'],
  ['--initialMemory', pages, '--maximumMemory', pages],
  // Nothing is imported: there is nothing to call when something is wrong, and nothing throws.
  ['--use', 'abort='],
].flat();

/** Compiles them where the sources, or what compiles them, changed. */
export function compileKernels(dist: string): void {
  const stamp = join(dist, '.kernels-stamp');
  const wanted = hashOfSources();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const target = join(dist, 'batch', 'codec', 'kernels.wasm');
  const made = `${target}.${process.pid}`;
  mkdirSync(dirname(target), { recursive: true });
  const command = [compiler, join('kernels', 'index.ts'), '-o', made, ...options];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the kernels do not compile:\n${stdout}${stderr}`);
  // Another process may be reading it, or making the same.
  renameSync(made, target);
  writeFileSync(stamp, wanted);
}

function hashOfSources(): string {
  const names = readdirSync(sources).filter((name) => name.endsWith('.ts'));
  const version = readFileSync(join(dirname(dirname(compiler)), 'package.json'));
  const hash = createHash('sha256').update(version).update(options.join(' '));
  for (const name of names.toSorted()) {
    hash.update(`\0${name}\0`).update(readFileSync(join(sources, name)));
  }
  return hash.digest('hex');
}

if (import.meta.main) compileKernels(process.argv[2] ?? join(root, 'dist'));
