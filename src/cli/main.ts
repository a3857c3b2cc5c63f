import process from 'node:process';

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import { logLevels } from '../core/log.ts';
import { versions } from '../engine/run/versions.ts';
import { type Address, parseAddress } from './address.ts';
import { endOnCrash } from './crash.ts';
import type { MemoryOptions } from './memory.ts';
import type { RunCommandOptions } from './run.ts';
import type { TopOptions } from './top.ts';
import type { ValidateOptions } from './validate.ts';
import { exitCodes, reportFailure } from './failure.ts';
import { Terminal } from './terminal.ts';

interface Globals {
  readonly color?: boolean;
}

async function main(words: readonly string[]): Promise<void> {
  const terminal = new Terminal();
  endOnCrash(terminal);
  try {
    await createProgram(terminal).parseAsync(words, { from: 'user' });
  } catch (error) {
    // What commander has to say it has said.
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    } else {
      process.exitCode = reportFailure(error, terminal);
    }
  }
  await terminal.tried();
  if (terminal.failure !== undefined) process.exitCode = reportFailure(terminal.failure, terminal);
}

/** The whole command line. Each command's code is loaded when it is called. */
function createProgram(terminal: Terminal): Command {
  const program = new Command('millrace')
    .description('Run and check sensor and event pipelines: source, stages, sink.')
    .version(versions().millrace, '-V, --version', 'print the version')
    .option('--color', 'use colour even where nobody looks')
    .option('--no-color', 'use no colour')
    .helpOption('-h, --help', 'show help')
    .exitOverride()
    .hook('preAction', (root) => chooseColour(root.opts<Globals>()));
  addRun(program, terminal);
  addValidate(program, terminal);
  addCatalogue(program, terminal);
  addFiles(program, terminal);
  addTop(program, terminal);
  addExplain(program, terminal);
  addMemory(program, terminal);
  return program.addHelpText(
    'after',
    examples(
      ['millrace init', 'write a pipeline that runs as it stands'],
      ['millrace run pipeline.yaml', 'run it'],
      ['millrace validate pipeline.yaml', 'check it without running it'],
      ['millrace top', 'watch a run that is served'],
      ['millrace describe threshold', 'show the options of a component'],
    ),
  );
}

function addRun(program: Command, terminal: Terminal): void {
  addServe(addSet(program.command('run').description('Run a pipeline file.')))
    .argument('<file>', 'the pipeline, YAML or JSON')
    .option('--for <time>', 'stop after this time: 500ms, 10s, 5m, 2h', parseTime)
    .option('--max-records <count>', 'read at most this many records', parseCount)
    .option('--lanes <count>', 'run on this many threads where it can, or `auto`', parseLanes)
    .addOption(
      new Option('--report <form>', 'how to report: as text, or as one JSON object')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('--report-file <file>', 'write the report as JSON to this file too')
    .option('--live', 'show components and their newest readings while it runs, on a terminal')
    .option('--fail-on-dead-letter', 'exit with 3 when there were dead letters')
    .addOption(
      new Option('--log-level <level>', 'the least level of log lines')
        .choices(Object.keys(logLevels).map((level) => level.toLowerCase()))
        .default('info'),
    )
    .addHelpText(
      'after',
      examples(
        ['millrace run pipeline.yaml', ''],
        ['millrace run pipeline.yaml --serve 7420', 'and serve it, on this machine only'],
        ['millrace run pipeline.yaml --for 10s --report json', 'ten seconds, report for scripts'],
        ['millrace run pipeline.yaml --set source.file.path=other.ndjson', 'another input'],
      ) +
        '\nExit codes: 0 done or stopped, 1 failed, 2 usage, 3 dead letters (with --fail-on-dead-letter),\n' +
        '75 not finished in time after a stop, 78 invalid pipeline, 130/143 stopped at once by a second signal.\n',
    )
    .action(async (file: string, options: RunCommandOptions) => {
      const { runPipeline } = await import('./run.ts');
      await runPipeline(file, options, terminal);
    });
}

function addValidate(program: Command, terminal: Terminal): void {
  addSet(program.command('validate').description('Check a pipeline file and list every problem.'))
    .argument('<file>', 'the pipeline, YAML or JSON')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      examples(
        ['millrace validate pipeline.yaml', ''],
        ['millrace validate pipeline.yaml --json', 'for editors and scripts'],
      ),
    )
    .action(async (file: string, options: ValidateOptions) => {
      const { validatePipeline } = await import('./validate.ts');
      process.exitCode = await validatePipeline(file, options, terminal);
    });
}

function addCatalogue(program: Command, terminal: Terminal): void {
  program
    .command('list')
    .description('List the sources, stages and sinks there are.')
    .option('--json', 'print their manifest as JSON: names, summaries, parameters')
    .addHelpText('after', examples(['millrace list', ''], ['millrace list --json', 'for scripts']))
    .action(async (options: { json?: boolean }) => {
      const { listComponents } = await import('./list.ts');
      listComponents(options, terminal);
    });
  program
    .command('describe')
    .description('Show what a component does, its options and an example.')
    .argument('<name>', 'the name of a source, stage or sink')
    .option('--json', 'print the description as JSON')
    .addHelpText(
      'after',
      examples(
        ['millrace describe threshold', ''],
        ['millrace describe file --json', 'for scripts'],
      ),
    )
    .action(async (name: string, options: { json?: boolean }) => {
      const { describeComponent } = await import('./describe.ts');
      await describeComponent(name, options, terminal);
    });
  program
    .command('schema')
    .description('Print the JSON Schema of a pipeline file, for editors.')
    .option('--write [file]', 'write it to a file instead: pipeline.schema.json unless named')
    .addHelpText(
      'after',
      examples(['millrace schema', ''], ['millrace schema --write', 'beside your pipeline.yaml']),
    )
    .action(async (options: { write?: string | true }) => {
      const { printSchema } = await import('./schema.ts');
      await printSchema(options, terminal);
    });
}

function addTop(program: Command, terminal: Terminal): void {
  program
    .command('top')
    .description('Watch a run that is served (`run --serve`): rates, queues, health, alerts.')
    .argument('[run]', 'a URL, [host:]port, a pipeline file, or the name of a pipeline')
    .option('--once', 'print one picture and end, as where no terminal takes it')
    .option('--json', 'print the figures as JSON and end')
    .option('--insecure-http', 'show the token to other machines without TLS')
    .addHelpText(
      'after',
      examples(
        ['millrace top', 'the run that you serve on this machine'],
        ['millrace top pipeline.yaml', 'that of this file'],
        ['millrace top https://mill.example:7420', 'with the token in MILLRACE_READ_TOKEN'],
        ['millrace top --once', 'for scripts'],
      ) +
        '\nTokens: MILLRACE_READ_TOKEN or MILLRACE_TOKEN, or those kept for your runs on this machine.\n' +
        'Exit codes: 0 shown, 1 the run failed (--once, --json), 2 usage, 69 no server answers, 77 not allowed.\n',
    )
    .action(async (run: string | undefined, options: TopOptions) => {
      const { watchRun } = await import('./top.ts');
      const exitCode = await watchRun(run, options, terminal);
      await terminal.leave(exitCode);
    });
}

function addExplain(program: Command, terminal: Terminal): void {
  program
    .command('explain')
    .description('Say what a run went through in the minutes before it failed, or an alert fired.')
    .argument('<file>', 'what its flight recorder wrote: flight-….json in its state directory')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      examples(
        ['millrace explain flight-2026-01-31T10-15-00.000Z-crash.json', ''],
        ['millrace explain flight-….json --json', 'for scripts'],
      ),
    )
    .action(async (file: string, options: { json?: boolean }) => {
      const { explainFile } = await import('./explain.ts');
      await explainFile(file, options, terminal);
    });
}

function addMemory(program: Command, terminal: Terminal): void {
  program
    .command('memory')
    .description('Measure what records take of memory, by how they are held.')
    .option(
      '--instances <counts>',
      'how many to hold at a time; 1000,10000,100000,1000000 unless given',
      parseCounts,
    )
    .option('--class <file#name>', 'measure this class, or function that makes records, instead')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      examples(
        ['millrace memory', 'about half a minute'],
        ['millrace memory --instances 100000 --json', 'for scripts'],
        ['millrace memory --class ./reading.ts#Reading', 'made by `new Reading(index)`'],
      ),
    )
    .action(async (options: MemoryOptions) => {
      const { printMemory } = await import('./memory.ts');
      await printMemory(options, terminal);
    });
}

function addFiles(program: Command, terminal: Terminal): void {
  program
    .command('infer')
    .description('Print the schema of a data file (NDJSON or CSV), to put into a pipeline.')
    .argument('<file>', 'the data')
    .addOption(
      new Option('--format <format>', 'what it holds, where its name does not tell').choices([
        'ndjson',
        'csv',
      ]),
    )
    .addHelpText(
      'after',
      examples(
        ['millrace infer readings.csv', ''],
        ['millrace infer readings.txt --format csv', 'a name that does not tell'],
      ),
    )
    .action(async (file: string, options: { format?: 'ndjson' | 'csv' }) => {
      const { inferFile } = await import('./infer.ts');
      await inferFile(file, options, terminal);
    });
  program
    .command('init')
    .description('Write a small pipeline that runs as it stands, and its schema for editors.')
    .argument('[directory]', 'where to', '.')
    .addHelpText('after', examples(['millrace init', ''], ['millrace init boiler-room', '']))
    .action(async (directory: string) => {
      const { initDirectory } = await import('./init.ts');
      await initDirectory(directory, terminal);
    });
}

const collect = (argument: string, earlier: readonly string[] = []): string[] => [
  ...earlier,
  argument,
];

function addServe(command: Command): Command {
  return command
    .option('--serve <address>', 'serve probes, metrics and an API at [host:]port', parseServe)
    .option(
      '--serve-name <name>',
      'a name that requests may call this host by; may be given again',
      collect,
    )
    .option('--tls-cert <file>', 'serve HTTPS with this certificate')
    .option('--tls-key <file>', 'and its key')
    .option('--insecure-http', 'let other machines in without TLS')
    .option('--public-metrics', 'give /metrics to whoever asks');
}

function addSet(command: Command): Command {
  return command.option(
    '--set <path=value>',
    'replace a value of the file, as in stages.0.threshold.min=5; may be given again',
    collect,
  );
}

function examples(...lines: readonly (readonly [command: string, what: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  const shown = lines.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`.trimEnd());
  return `\nExamples:\n${shown.join('\n')}\n`;
}

const timeUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function parseTime(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(amount) * (timeUnits[unit] ?? Number.NaN);
  if (!(ms > 0)) throw new InvalidArgumentError('Write a time like 500ms, 10s, 5m or 2h.');
  return ms;
}

function parseServe(text: string): Address {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new InvalidArgumentError('Write a port, or host:port, as 7420 or 127.0.0.1:7420.');
}

function parseLanes(text: string): string {
  return text === 'auto' ? text : String(parseCount(text));
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < 1) {
    throw new InvalidArgumentError('Write a whole number from 1.');
  }
  return count;
}

function parseCounts(text: string): number[] {
  return [...new Set(text.split(',').map(parseCount))];
}

// Node's own `styleText` obeys these two.
function chooseColour({ color }: Globals): void {
  if (color === undefined) return;
  const [on, off] = color ? ['FORCE_COLOR', 'NO_COLOR'] : ['NO_COLOR', 'FORCE_COLOR'];
  process.env[on] = '1';
  delete process.env[off];
}

void main(process.argv.slice(2));
