/**
 * Checks the code in the documents as a reader would use it: TypeScript compiles against the package,
 * pipelines validate, links to files lead somewhere, and what follows `<!-- run: COMMAND -->` is run and compared.
 * TypeScript of docs/observability is run as well, unless `<!-- not run: REASON -->` stands before it.
 *
 * A fence that names a file (```yaml pipeline.yaml) is that file for the commands of its document.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { assertSameText, Checks } from './checks.ts';
import { mustRun, root, runCommand } from './run-command.ts';

interface Fence {
  readonly line: number;
  readonly language: string;
  /** The file that it is, where it names one. */
  readonly file: string | undefined;
  readonly text: string;
}

interface Command {
  readonly line: number;
  readonly command: string;
}

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

async function main(): Promise<void> {
  const checks = new Checks();
  for (const document of documents) {
    if (!existsSync(join(root, document))) {
      await checks.run(document, () => Promise.reject(new Error('is missing')));
      continue;
    }
    const project = createProject();
    try {
      await checkDocument(document, project, checks);
    } finally {
      rmSync(project, { recursive: true, force: true });
    }
  }
  checks.finish();
}

/** An empty project that has the package, as built. */
function createProject(): string {
  const project = mkdtempSync(join(tmpdir(), 'millrace-snippets-'));
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(root, join(project, 'node_modules', 'millrace'), 'dir');
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  return project;
}

async function checkDocument(document: string, project: string, checks: Checks): Promise<void> {
  const text = readFileSync(join(root, document), 'utf8');
  await checks.run(`${document} links to files that are there`, () => assertLinked(document, text));
  const fences = fencesOf(text);
  for (const { file, text: content } of fences) {
    if (file !== undefined && !file.includes('/')) writeFileSync(join(project, file), content);
  }
  for (const fence of fences.filter(isTypeScript)) {
    await checks.run(`${document}:${fence.line} compiles`, () => compile(project, fence));
    if (!document.startsWith('docs/observability/') || isExcused(text, fence)) continue;
    await checks.run(`${document}:${fence.line} runs`, async () => {
      await mustRun('node', [`line-${fence.line}.ts`], project);
    });
  }
  for (const fence of fences.filter(isPipeline)) {
    await checks.run(`${document}:${fence.line} is a valid pipeline`, () =>
      validate(project, fence),
    );
  }
  const commands = commandsOf(text);
  if (document === 'README.md') {
    await checks.run(`${document} runs its first pipeline`, () => {
      if (commands.length === 0) throw new Error('no `<!-- run: millrace run … -->` was found');
    });
  }
  for (const { line, command } of commands) {
    await checks.run(`${document}:${line} shows what \`${command}\` prints`, async () => {
      const shown = fences.find((fence) => fence.line > line && fence.language === 'console');
      await compareOutput(project, command, shown);
    });
  }
}

function assertLinked(document: string, text: string): void {
  const links = [...text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)[^)]*\)/g)].map(([, path]) => path!);
  const dead = links.filter((path) => !existsSync(join(root, dirname(document), path)));
  if (dead.length > 0) throw new Error(`there is no ${dead.join(', ')}`);
}

function fencesOf(text: string): Fence[] {
  const fences = text.matchAll(/^```(\w+)(?: +(\S+))?\n([^]*?)^```$/gm);
  return [...fences].map(({ 1: language, 2: file, 3: content, index }) => ({
    line: text.slice(0, index).split('\n').length,
    language: language!,
    file,
    text: content!,
  }));
}

function commandsOf(text: string): Command[] {
  return [...text.matchAll(/^<!-- run: (.+) -->$/gm)].map(({ 1: command, index }) => ({
    line: text.slice(0, index).split('\n').length,
    command: command!,
  }));
}

/** Files of the repository itself, as `src/stages/clamp.ts`, are checked by a test that adds them. */
function isTypeScript({ language, file }: Fence): boolean {
  return language === 'ts' && !(file ?? '').includes('/');
}

function isPipeline({ language, text }: Fence): boolean {
  return language === 'yaml' && /^sources?:/m.test(text) && /^sinks?:/m.test(text);
}

function isExcused(text: string, { line }: Fence): boolean {
  const before = text.split('\n').slice(0, line - 1);
  return before.findLast((one) => one !== '')?.startsWith('<!-- not run: ') ?? false;
}

async function compile(project: string, { text, line }: Fence): Promise<void> {
  const file = `line-${line}.ts`;
  // A document may show the same thing twice: each block is a module of its own.
  writeFileSync(join(project, file), `${text}\nexport {};\n`);
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2025', 'esnext.disposable'],
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    typeRoots: [join(root, 'node_modules', '@types')],
    types: ['node'],
  };
  const configuration = JSON.stringify({ compilerOptions, files: [file] });
  writeFileSync(join(project, 'tsconfig.json'), configuration);
  await mustRun('tsc', ['-p', '.'], project);
}

async function validate(project: string, { text, file, line }: Fence): Promise<void> {
  const name = file ?? `line-${line}.yaml`;
  writeFileSync(join(project, name), text);
  await mustRun('node', [join(root, 'dist', 'cli', 'main.js'), 'validate', name], project);
}

async function compareOutput(
  project: string,
  command: string,
  shown: Fence | undefined,
): Promise<void> {
  if (shown === undefined) throw new Error('no ```console block follows');
  const [prompt, ...lines] = shown.text.split('\n');
  if (prompt !== `$ ${command}`) throw new Error(`the block begins with \`${prompt}\``);
  const millrace = `node ${join(root, 'dist', 'cli', 'main.js')}`;
  const { exitCode, stdout, stderr } = await runCommand(
    'sh',
    ['-c', command.replace(/^millrace\b/, millrace)],
    project,
  );
  if (exitCode !== 0) throw new Error(`it ended with ${exitCode}:\n${stderr}`);
  // Shown without the blanks at the ends of lines.
  assertSameText(stdout.replace(/[ \t]+$/gm, '').trimEnd(), lines.join('\n').trimEnd());
}

await main();
