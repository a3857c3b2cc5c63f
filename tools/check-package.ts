/**
 * Packs the package, installs it in an empty project and uses it there: every entry point, the
 * command, the types, and an older Node where the machine has one.
 */
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

import { Checks } from './checks.ts';
import { packageOf } from './licenses.ts';
import { mustRun, root, runCommand } from './run-command.ts';

interface Manifest {
  readonly name: string;
  readonly engines: { readonly node: string };
  readonly exports: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const entries = Object.entries(manifest.exports)
  .filter(([, target]) => target.endsWith('.js'))
  .map(([path]) => manifest.name + path.slice(1));

async function main(): Promise<void> {
  const project = mkdtempSync(join(tmpdir(), 'millrace-package-'));
  const checks = new Checks();
  try {
    const files = await pack(project);
    await checks.run('holds what it should and nothing else', () => checkFiles(files));
    await checks.run('has the license of each package that it holds code of', checkLicenses);
    await checks.run('is well-formed (publint)', checkForm);
    await checks.run('installs in an empty project', () => install(project));
    for (const entry of entries) {
      await checks.run(`imports ${entry}`, () => checkImport(project, entry));
    }
    await checks.run('has types that hold by themselves', () => checkTypes(project));
    await checks.run('runs its command', () => checkCommand(project));
    await checks.run('starts a run from few files', () => checkStart(project));
    await checks.run('takes options that another zod describes', () => checkZod(project));
    await checks.run('serves its page', () => checkPage(project));
    await checks.run('has traces that lead to its source', () => checkTraces(project));
    await checks.run('says what it needs on an older Node', () => checkOlderNode(project));
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
  checks.finish();
}

async function pack(project: string): Promise<string[]> {
  const printed = await mustRun(
    'npm',
    ['pack', '--json', '--silent', '--pack-destination', project],
    root,
  );
  const packed = JSON.parse(printed.slice(printed.indexOf('['))) as [
    { filename: string; files: { path: string }[] },
  ];
  return packed[0].files.map(({ path }) => path);
}

const shipped =
  /^(package\.json|README\.md|LICENSE|bin\/[\w-]+\.cjs|schema\/[\w.-]+\.json|dist\/[\w/-]+\.(js|d\.ts)(\.map)?|dist\/licenses\.md|dist\/batch\/codec\/kernels\.wasm|dist\/server\/dashboard\/(index\.html|licenses\.md|assets\/[\w-]+\.(js|css)))$/;

function checkFiles(files: readonly string[]): void {
  const strange = files.filter((file) => !shipped.test(file) || /\.test\./.test(file));
  if (strange.length > 0) throw new Error(`does not belong there: ${strange.join(', ')}`);
  const needed = [
    'README.md',
    'LICENSE',
    'bin/millrace.cjs',
    'dist/batch/codec/kernels.wasm',
    'dist/cli/main.js',
    'dist/licenses.md',
    'dist/server/dashboard/licenses.md',
  ];
  for (const target of Object.values(manifest.exports)) {
    const file = target.replace(/^\.\//, '');
    needed.push(file);
    // The compiler finds the types beside it.
    if (file.endsWith('.js')) needed.push(file.replace(/js$/, 'd.ts'));
  }
  const missing = needed.filter((file) => !files.includes(file));
  if (missing.length > 0) throw new Error(`missing: ${missing.join(', ')}`);
}

/** By the maps, which tell where all code is from. */
function checkLicenses(): void {
  const dist = join(root, 'dist');
  const licenses = readFileSync(join(dist, 'licenses.md'), 'utf8');
  const maps = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.js.map'),
  );
  const packages = maps.flatMap((name) => {
    const { sources } = JSON.parse(readFileSync(join(dist, name), 'utf8')) as {
      readonly sources: readonly string[];
    };
    return sources.flatMap((source) => packageOf(source)?.name ?? []);
  });
  const missing = [...new Set(packages)].filter((name) => !licenses.includes(`\n## ${name} `));
  if (packages.length === 0) throw new Error('no map tells of a package');
  if (missing.length > 0) throw new Error(`missing: ${missing.join(', ')}`);
}

async function checkForm(): Promise<void> {
  const { messages, pkg } = await publint({ pkgDir: root, strict: true, pack: false });
  if (messages.length === 0) return;
  throw new Error(messages.map((message) => formatMessage(message, pkg as never)).join('\n'));
}

async function install(project: string): Promise<void> {
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  const version = (
    JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  ).version;
  const tarball = `./${manifest.name}-${version}.tgz`;
  await mustRun('npm', ['install', '--silent', '--prefer-offline', '--no-audit', tarball], project);
}

async function checkImport(project: string, entry: string): Promise<void> {
  const code = `const names = Object.keys(await import('${entry}')); if (names.length === 0) throw new Error('exports nothing');`;
  await mustRun('node', ['--input-type=module', '--eval', code], project);
}

/**
 * Compiled as a user's project is at its strictest, into declarations: ours are checked too, and each
 * type that components of one's own are made of can be named.
 */
async function checkTypes(project: string): Promise<void> {
  const imports = entries.map((entry, at) => `import * as entry${at} from '${entry}';`);
  const used = entries.map((_, at) => `entry${at}`).join(', ');
  const consumer = `${imports.join('\n')}
import { memorySource, pipeline, schema, stdoutSink, threshold } from '${manifest.name}';
export const all = [${used}];
export const built = pipeline('typed')
  .from(memorySource({ schema: schema({ value: 'float64' }), rows: [{ value: 1 }] }))
  .pipe(threshold({ field: 'value', min: 0 }))
  .to(stdoutSink());
`;
  writeFileSync(join(project, 'consumer.ts'), consumer);
  copyFileSync(join(root, 'test', 'types', 'author.ts'), join(project, 'author.ts'));
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2025', 'esnext.disposable'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    declaration: true,
    emitDeclarationOnly: true,
    outDir: 'declared',
    typeRoots: [join(root, 'node_modules', '@types')],
    types: ['node'],
  };
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['consumer.ts', 'author.ts'] }),
  );
  await mustRun('tsc', ['-p', '.'], project);
}

async function checkCommand(project: string): Promise<void> {
  const millrace = (...options: string[]): Promise<string> =>
    mustRun('npx', ['--no-install', manifest.name, ...options], project);
  if (!(await millrace('--help')).includes('millrace run'))
    throw new Error('--help shows no `run`');
  if (!(await millrace('list')).includes('threshold')) throw new Error('list shows no `threshold`');
  writeFileSync(join(project, 'in.ndjson'), '{"value":1}\n{"value":5}\n{"value":9}\n');
  writeFileSync(
    join(project, 'small.yaml'),
    'source: { file: { path: in.ndjson, schema: { value: float64 } } }\n' +
      'stages: [{ threshold: { field: value, min: 2 } }]\nsink: { file: { path: out.ndjson } }\n',
  );
  for (const lanes of ['1', '2']) {
    const { exitCode, stderr } = await runCommand(
      'npx',
      ['--no-install', manifest.name, 'run', 'small.yaml', '--lanes', lanes],
      project,
    );
    if (exitCode !== 0 || stderr.includes('kernels.replaced')) {
      throw new Error(`on ${lanes} lanes it ended with ${exitCode}:\n${stderr}`);
    }
    const written = readFileSync(join(project, 'out.ndjson'), 'utf8');
    if (written !== '{"value":5}\n{"value":9}\n') throw new Error(`it wrote ${written}`);
  }
  const { rows } = JSON.parse(await millrace('memory', '--instances', '1000', '--json')) as {
    rows: readonly unknown[];
  };
  if (rows.length === 0) throw new Error('it measured no memory');
}

/** Each file is found, read and linked, which takes longer than what most of them hold. */
const startFilesMax = 32;
/** Those that are loaded before Node has the directory of what it has compiled. */
const uncachedFilesMax = 6;

async function checkStart(project: string): Promise<void> {
  const hook = `import { registerHooks } from 'node:module';
import { writeFileSync } from 'node:fs';
const urls = [];
registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
process.on('exit', () => writeFileSync('loaded.json', JSON.stringify(urls)));
`;
  writeFileSync(join(project, 'loaded.mjs'), hook);
  const command = join('node_modules', manifest.name, 'bin', 'millrace.cjs');
  await mustRun('node', ['--import', './loaded.mjs', command, 'run', 'small.yaml'], project);
  const loaded = JSON.parse(readFileSync(join(project, 'loaded.json'), 'utf8')) as string[];
  const files = loaded.filter((url) => url.startsWith('file:'));
  const own = files.filter((url) => url.includes(`/node_modules/${manifest.name}/`));
  if (own.length === 0 || files.length > startFilesMax || own.length < files.length) {
    throw new Error(`it loads ${files.length} files:\n${files.join('\n')}`);
  }
  const uncached = files.slice(
    0,
    files.findIndex((url) => url.endsWith('/dist/cli/main.js')),
  );
  if (uncached.length > uncachedFilesMax) {
    throw new Error(`it compiles at each start:\n${uncached.join('\n')}`);
  }
}

/** Ours is joined with our code, so what a component of one's own imports is another. */
async function checkZod(project: string): Promise<void> {
  const code = `import { defineStage, memorySink, memorySource, pipeline, schema } from '${manifest.name}';
import * as z from 'zod';
const stage = defineStage({
  name: 'own',
  summary: 'Of another zod.',
  options: () => z.strictObject({ least: z.number().describe('What goes on.') }),
  example: { least: 0 },
  rows: 'same',
  output: (input) => input,
  create: () => (batch) => batch,
});
const planned = (least) => pipeline('other')
  .from(memorySource({ schema: schema({ value: 'float64' }), rows: [{ value: 1 }] }))
  .pipe(stage({ least }))
  .to(memorySink())
  .run();
await planned(1);
console.log(await planned('one').catch((error) => error.message));
`;
  writeFileSync(join(project, 'zod.mjs'), code);
  const printed = await mustRun('node', ['zod.mjs'], project);
  if (!printed.includes('`own` option `least`: takes a number')) throw new Error(printed);
}

/** The page as a browser asks for it: the document, then each file that it names. */
async function checkPage(project: string): Promise<void> {
  const code = `import { intervalSource, memorySink, pipeline } from '${manifest.name}';
import { serve } from '${manifest.name}/server';
const run = await pipeline('served').from(intervalSource({ everyMs: 100 })).to(memorySink()).start();
const server = await serve(run, { port: 0 });
const page = await (await fetch(server.url)).text();
const files = [...page.matchAll(/"[.](.assets.[^"]+)"/g)];
for (const [, file] of files) {
  const { status } = await fetch(server.url + file);
  if (status !== 200) throw new Error(file + ' is answered with ' + status);
}
console.log(files.length);
await run.stop();
await server.close();
`;
  writeFileSync(join(project, 'page.mjs'), code);
  const printed = await mustRun('node', ['page.mjs'], project);
  if (Number(printed) < 2) throw new Error(`the page names ${printed.trim()} files`);
}

/** What was joined into larger files is told of by file and line of the source. */
async function checkTraces(project: string): Promise<void> {
  const code = `import { memorySink, memorySource, pipeline, schema, threshold } from '${manifest.name}';
await pipeline('traced')
  .from(memorySource({ schema: schema({ value: 'float64' }), rows: [] }))
  .pipe(threshold({ field: 'other', min: 0 }))
  .to(memorySink())
  .run();
`;
  writeFileSync(join(project, 'traced.mjs'), code);
  const { stderr } = await runCommand('node', ['--enable-source-maps', 'traced.mjs'], project);
  const place = /\.run \(.*\/node_modules\/millrace\/(src\/[\w/-]+\.ts):(\d+):/.exec(stderr);
  const [, file = '', line] = place ?? [];
  const source = place === null ? '' : readFileSync(join(root, file), 'utf8');
  if (source.split('\n')[Number(line) - 1]?.includes('await this.start(')) return;
  throw new Error(`a trace leads beside the call:\n${stderr}`);
}

/** The sentence that an older Node is told; nothing to see where the machine has none. */
async function checkOlderNode(project: string): Promise<void> {
  const command = join(project, 'node_modules', manifest.name, 'bin', 'millrace.cjs');
  for (const node of nodesOfTheMachine()) {
    const version = (await mustRun(node, ['--version'], project)).trim();
    if (Number(/\d+/.exec(version)) >= 24) continue;
    const { exitCode, stdout, stderr } = await runCommand(node, [command, 'list'], project);
    const needed = manifest.engines.node.replace('>=', '');
    const isTold =
      stdout === '' && stderr.includes(needed) && stderr.trim().split('\n').length === 1;
    if (exitCode === 0 || !isTold)
      throw new Error(`${version} ended with ${exitCode}: ${stdout}${stderr}`);
  }
}

function nodesOfTheMachine(): string[] {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => !directory.includes('node_modules'))
    .map((directory) => join(directory, 'node'))
    .filter((node) => existsSync(node));
}

await main();
