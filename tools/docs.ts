/**
 * Writes what is derived from the descriptions: a page per component, the error codes, the events,
 * the rules for alerts, the schemas of pipeline files, and what records take of memory. With
 * `--check` it writes nothing and fails where something is out of date.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { format } from 'prettier';
import { stringify } from 'yaml';

import { type OptionDescription, optionsOf } from '../src/core/option-description.ts';
import { connectors } from '../src/connectors/index.ts';
import { type Definition, PipelineRegistry } from '../src/core/index.ts';
import { configSchema, exampleConfig, optionsSchema } from '../src/engine/config-schema.ts';
import { errorCodes } from '../src/errors.ts';
import type { AlertRule } from '../src/observe/alerts/rule.ts';
import { eventCatalogue } from '../src/observe/catalogue.ts';
import { shippedRules } from '../src/observe/alerts/shipped.ts';
import * as millrace from '../src/index.ts';
import { stages } from '../src/stages/index.ts';
import { begunAt, collapses, firedAt } from '../test/observe/collapses.ts';
import { assertSameText, Checks } from './checks.ts';
import { measuredPage, memoryPage } from './memory-tables.ts';
import { root } from './run-command.ts';

const notice = '<!-- Made by `npm run docs`. Do not edit. -->';
const pages = 'docs/components';
const components: readonly Definition[] = [...connectors, ...stages];

/** Every file that is derived, by its path. */
async function derivedFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const component of components) {
    files.set(pageOf(component), await markdown(await componentPage(component)));
  }
  files.set(`${pages}/README.md`, await markdown(listPage()));
  files.set('docs/errors.md', await markdown(errorPage()));
  files.set('docs/observability/events.md', await markdown(eventPage()));
  files.set('docs/observability/alert-rules.md', await markdown(alertRulePage()));
  const measured = await measuredPage(markdown);
  if (measured !== undefined) files.set(memoryPage, measured);
  const registry = new PipelineRegistry(components);
  for (const [file, version] of [
    ['pipeline.schema.json', 'draft-7'],
    ['pipeline.2020-12.schema.json', 'draft-2020-12'],
  ] as const) {
    const schema = JSON.stringify(await configSchema(registry, version));
    files.set(`schema/${file}`, await format(schema, { parser: 'json', printWidth: 100 }));
  }
  return files;
}

function pageOf({ kind, spec }: Definition): string {
  return `${pages}/${kind}-${spec.name}.md`;
}

async function componentPage(component: Definition): Promise<string> {
  const { kind, spec } = component;
  const options = optionRows(optionsOf(await optionsSchema(component)));
  const table = [
    '| option | kind | default | |',
    '| --- | --- | --- | --- |',
    ...options.map((row) => `| ${row.map(cell).join(' | ')} |`),
  ];
  const example =
    spec.example === null
      ? 'It works from TypeScript only: its options are functions.'
      : `\`\`\`yaml\n${stringify(exampleConfig(component))}\`\`\``;
  const also = spec.example === null ? [] : ['In TypeScript:'];
  const code = spec.exampleCode === undefined ? [] : [...also, codeBlock(spec.exampleCode)];
  const noOptions = spec.example === null ? 'Those of the call below.' : 'None.';
  return [
    notice,
    `# ${spec.name} (${kind})`,
    spec.summary,
    factOf(component),
    ...(spec.details === undefined ? [] : [spec.details]),
    '## Options',
    options.length > 0 ? table.join('\n') : noOptions,
    '## Example',
    example,
    ...code,
  ].join('\n\n');
}

function factOf(component: Definition): string {
  if (component.kind === 'source') return pausedFacts[component.spec.whenPaused];
  if (component.kind === 'stage') return rowFacts[component.spec.rows];
  return component.spec.writesStdout === true
    ? 'It writes to standard output, so the report of the run goes to standard error.'
    : 'It writes what it is given; rows that it cannot take are dead letters.';
}

const pausedFacts = {
  hold: 'While the pipeline can take no more, it waits.',
  reject: 'While the pipeline can take no more, it refuses what comes.',
  skip: 'While the pipeline can take no more, it skips ticks and counts them.',
  redeliver: 'While the pipeline can take no more, what comes is sent again later.',
} as const;

const rowFacts = {
  same: 'Every row that comes in goes out, unless it fails.',
  fewer: 'Rows that do not go on are counted as dropped, by reason.',
  expand: 'Each row that comes in is absorbed, and any number is made of it.',
  reduce: 'Rows that come in are absorbed, and fewer are made of them.',
} as const;

/** The options and those inside them, as `detectors.ewma.limit`. */
function optionRows(options: readonly OptionDescription[], before = ''): string[][] {
  return options.flatMap(
    ({ name, kind, required, default: value, description, options: inner }) => {
      const given = value === undefined ? '' : `\`${JSON.stringify(value)}\``;
      const own = [`\`${before}${name}\``, kind, required ? 'required' : given, description];
      return [own, ...optionRows(inner ?? [], `${before}${name}.`)];
    },
  );
}

/** The call of a stage in a pipeline, as a module. */
function codeBlock(call: string): string {
  const used = [...call.matchAll(/(?<![.\w])(\w+)\(/g)].map(([, name]) => name!);
  const names = used.filter((name) => name in millrace);
  const imports = [...new Set([...names, 'consoleSink', 'pipeline', 'simulateSource'])].sort();
  const module = `import { ${imports.join(', ')} } from 'millrace';

pipeline('example').from(simulateSource()).pipe(${call}).to(consoleSink());
`;
  return `\`\`\`ts\n${module}\`\`\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function listPage(): string {
  const section = (kind: string): string[] => [
    `## ${kind[0]!.toUpperCase()}${kind.slice(1)}s`,
    components
      .filter((component) => component.kind === kind)
      .map(({ spec }) => `- [${spec.name}](${kind}-${spec.name}.md): ${spec.summary}`)
      .join('\n'),
  ];
  const sections = ['source', 'stage', 'sink'].flatMap(section);
  return [notice, '# Components', ...sections].join('\n\n');
}

function errorPage(): string {
  const rows = Object.entries(errorCodes).map(([code, text]) => `| \`${code}\` | ${cell(text)} |`);
  return [
    notice,
    '# Error codes',
    'Every error that Millrace throws is a `PipelineError`: a `code` of this list, the `place` and the `fact`, where there is one a `remedy`, and the `cause`.',
    ['| code | what it says |', '| --- | --- |', ...rows].join('\n'),
  ].join('\n\n');
}

function eventPage(): string {
  const events = eventCatalogue.flatMap(({ name, level, summary, fields, metric, isKept }) => {
    const rows = Object.entries(fields).map(([field, text]) => `| \`${field}\` | ${cell(text)} |`);
    const kept = isKept ? ' Repeats are never collapsed, and none is ever dropped.' : '';
    return [
      `## \`${name}\``,
      summary,
      `${level}, counted by \`${metric}\`.${kept}`,
      ['| field | what it says |', '| --- | --- |', ...rows].join('\n'),
    ];
  });
  return [
    notice,
    '# Events',
    'What the engine says by itself. Each is a log line, a counter, and tells whoever listens: `run.listen(listener)`. `isEvent(event, recordFailed)` of `millrace/observe` asks which it is, and the compiler then knows its fields. Its fields are plain data, and errors, without secrets: for whoever listens as for the log. What a component says beside them is in its logs.',
    ...events,
  ].join('\n\n');
}

function alertRulePage(): string {
  // Those that need a limit of one's own are shown with shares of it.
  const rules = shippedRules({ 'throughput-floor': { clear: 0 } }, { memoryMiBMax: 100 });
  const early = Object.entries(collapses).map(([name, collapse]) => {
    const fired = firedAt(name, collapse)!;
    const left = collapse.brokenAt === undefined ? '' : `${collapse.brokenAt - fired} s`;
    return `| \`${name}\` | ${collapse.what} | ${fired - begunAt} s | ${left} |`;
  });
  return [
    notice,
    '# Rules for alerts',
    'What is shipped, with its limits unless others are given. How they are used: [alerts](alerts.md).',
    [
      '| rule | fires when | warning | critical | clear | looks | forecast |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...rules.map(alertRuleRow),
    ].join('\n'),
    '`3 of 5`: of the last five looks, one a second, three must be bad for it to fire, and three good for it to be resolved. Forecast: it also fires when the figure, as it moves, reaches its highest limit within that time.',
    '## How early they fire',
    'In a scripted collapse for each rule, one look a second: after how long it fires, and how long that is before it is too late, where that is one moment. What is broken from the first moment on, as an open breaker, is told of then.',
    ['| rule | collapse | fires after | left |', '| --- | --- | --- | --- |', ...early].join('\n'),
  ].join('\n\n');
}

function alertRuleRow({ name, summary, unit, limits, of, bad, forecastMs }: AlertRule): string {
  const show = (limit: number | undefined, side = ''): string => {
    if (name === 'throughput-floor') return 'yours';
    if (limit === undefined) return '';
    return `${side}${limit} ${name === 'memory-growth' ? '% of `memoryMiBMax`' : unit}`;
  };
  const side = bad === 'below' ? '< ' : '> ';
  const cells = [show(limits.warn, side), show(limits.critical, side), show(limits.clear)];
  const forecast = forecastMs === undefined ? '' : `${forecastMs / 1000} s`;
  return `| \`${name}\` | ${[summary, ...cells, `${of.m} of ${of.n}`, forecast].map(cell).join(' | ')} |`;
}

function markdown(text: string): Promise<string> {
  return format(text, { parser: 'markdown', printWidth: 100, singleQuote: true });
}

/** Pages of components that there are no more. */
function leftovers(files: ReadonlyMap<string, string>): string[] {
  const directory = join(root, pages);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .map((file) => `${pages}/${file}`)
    .filter((file) => !files.has(file));
}

async function main(): Promise<void> {
  const files = await derivedFiles();
  if (process.argv.includes('--check')) {
    const checks = new Checks();
    for (const [file, text] of files) {
      await checks.run(`${file} is up to date`, () => {
        const path = join(root, file);
        assertSameText(existsSync(path) ? readFileSync(path, 'utf8') : '', text);
      });
    }
    for (const file of leftovers(files)) {
      await checks.run(`${file} belongs to a component`, () => {
        throw new Error('remove it: `npm run docs`');
      });
    }
    checks.finish();
    return;
  }
  for (const file of leftovers(files)) rmSync(join(root, file));
  for (const [file, text] of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  process.stdout.write(`wrote ${files.size} files\n`);
}

await main();
