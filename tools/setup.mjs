/**
 * Installs what is missing and builds what changed. Every npm script runs it first, in a shell of
 * its own, so that the main command finds the Node that it installed. Runs on Node 20, alone.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const nodeVersionMin = manifest.engines.node.replace('>=', '');
const modules = join(root, 'node_modules');
const ownNode = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const installStamp = join(modules, '.millrace-install');
const buildStamp = join(root, 'dist', '.build-stamp');

// The rule of src/server/tokens.ts, which is TypeScript.
const tokenPattern = /^[\x21-\x7e]{16,}$/;

try {
  if (process.env.npm_lifecycle_event === 'prestart') checkTokens();
  install();
  if (!process.argv.includes('--install-only')) build();
} catch (error) {
  process.stderr.write(`millrace setup: ${error.message}\n`);
  process.exitCode ??= 1;
}

/** What the server would refuse, but only minutes later. */
function checkTokens() {
  const { MILLRACE_TOKEN: admin, MILLRACE_READ_TOKEN: read } = process.env;
  // Without the first both are those that are kept.
  if (admin === undefined) return;
  for (const [name, token] of Object.entries({
    MILLRACE_TOKEN: admin,
    MILLRACE_READ_TOKEN: read,
  })) {
    if (token === undefined || tokenPattern.test(token)) continue;
    process.exitCode = 78;
    throw new Error(
      `${name} is no token: it has at least 16 characters, and no blanks; ` +
        'use 32 random bytes or more, as `openssl rand -hex 32` gives.',
    );
  }
}

function install() {
  const wanted = hashOf([join(root, 'package-lock.json')]);
  if (textOf(installStamp) === wanted && existsSync(ownNode)) return;
  // npm would empty what a link points to, which may be another checkout's.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new Error('node_modules is a link; remove it, or install what it points to from there.');
  }
  say('installing packages (the first time takes a minute or two)');
  // npm leaves out optional packages that do not suit the Node it runs on, and the native parts of
  // the tools are such packages. So npm runs on the Node that the tools will run on.
  if (isOld(process.versions.node) || !relative(modules, process.execPath).startsWith('..')) {
    withFetchedNode((node) => npm(['ci'], root, node));
  } else {
    npm(['ci'], root, process.execPath);
  }
  assertNew(ownNode);
  writeFileSync(installStamp, wanted);
}

/** Lets `use` have the Node that package.json pins, in a directory that is gone afterwards. */
function withFetchedNode(use) {
  const place = join(root, '.setup-node');
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  try {
    const { node } = manifest.devDependencies;
    const { allowScripts } = manifest;
    const wanted = { private: true, dependencies: { node }, allowScripts };
    writeFileSync(join(place, 'package.json'), JSON.stringify(wanted));
    if (existsSync(join(root, '.npmrc'))) cpSync(join(root, '.npmrc'), join(place, '.npmrc'));
    npm(['install', '--no-package-lock'], place, process.execPath);
    const fetched = join(place, relative(root, ownNode));
    assertNew(fetched);
    use(fetched);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** Runs the npm that started this on a given Node, quietly; throws with what it said on failure. */
function npm(options, directory, node) {
  const npmScript = process.env.npm_execpath;
  if (npmScript === undefined) throw new Error('start it through npm: `npm run build`.');
  const result = spawnSync(node, [npmScript, ...options, '--loglevel=error'], {
    cwd: directory,
    env: { ...process.env, PATH: [dirname(node), process.env.PATH].join(delimiter) },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (result.status === 0) return;
  const said = result.error?.message ?? `${result.stdout}${result.stderr}`.trim();
  throw new Error(`\`npm ${options[0]}\` failed:\n${said}`);
}

function build() {
  const sources = ['src', 'kernels', 'dashboard'].flatMap((name) => filesBelow(join(root, name)));
  const tools = ['setup.mjs', 'bundle.ts', 'kernels.ts', 'licenses.ts'].map((name) =>
    join('tools', name),
  );
  const others = ['tsconfig.json', 'package.json', 'package-lock.json', ...tools];
  const wanted = hashOf([...sources, ...others.map((name) => join(root, name))]);
  if (textOf(buildStamp) === wanted) return;
  say('building');
  // Built beside and swapped in: nothing stale stays, and a failed build changes nothing.
  const next = join(root, `dist.${process.pid}`);
  const compiler = join(modules, 'typescript', 'bin', 'tsc');
  const pageBuilder = join(modules, 'vite', 'bin', 'vite.js');
  const page = join(next, 'server', 'dashboard');
  const steps = [
    [compiler, '-p', root, '--outDir', next, '--incremental', 'false'],
    [join(root, 'tools', 'bundle.ts'), next],
    [join(root, 'tools', 'kernels.ts'), next],
    [pageBuilder, 'build', join(root, 'dashboard'), '--outDir', page, '--logLevel', 'warn'],
  ];
  for (const step of steps) {
    const { status } = spawnSync(ownNode, step, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (status === 0) continue;
    rmSync(next, { recursive: true, force: true });
    throw new Error('the build failed; what the compiler says stands above.');
  }
  writeFileSync(join(next, '.build-stamp'), wanted);
  rmSync(dirname(buildStamp), { recursive: true, force: true });
  renameSync(next, dirname(buildStamp));
}

function assertNew(node) {
  const version = versionOf(node);
  if (!isOld(version)) return;
  throw new Error(
    `npm installed no Node ${nodeVersionMin} or later (${version || 'it does not run'}): ` +
      'allow install scripts (npm config set ignore-scripts false) and run this again.',
  );
}

function isOld(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [majorMin, minorMin] = nodeVersionMin.split('.').map(Number);
  return major < majorMin || (major === majorMin && minor < minorMin);
}

function versionOf(node) {
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return (stdout ?? '').trim().replace(/^v/, '');
}

function filesBelow(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash.update(relative(root, file)).update('\0').update(readFileSync(file));
  return hash.digest('hex');
}

function textOf(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function say(step) {
  process.stderr.write(`millrace setup: ${step}\n`);
}
