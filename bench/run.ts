import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { runNode } from './lib/child.ts';
import { appendHistory, lastEntry } from './lib/history.ts';
import { judge, type Measure, type Result, type Samples } from './lib/measure.ts';
import { writePage } from './lib/page.ts';
import { tableOf } from './lib/table.ts';
import { measures } from './measures.ts';

const help = `Compares Millrace with its peers, each measure in a process of its own.

Usage: npm run bench [-- OPTIONS]

  --json       print one array of { id, ours, peer, ratio, target, holds }
  --only ID    only measures whose id begins so; may be given again
  --quick      small sizes, to see that it works: the figures mean nothing
  --page       only write docs/benchmarks.md again, from the last whole run
  --help       print this

A run of everything at full size adds a line to bench/history.ndjson, and writes docs/benchmarks.md.
`;

async function main(): Promise<void> {
  const { values: options } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      page: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (options.help) {
    process.stdout.write(help);
    return;
  }
  if (options.page) return writePage(lastEntry(), measures);
  const { only, quick } = options;
  const chosen = measures.filter(
    ({ id }) => only.length === 0 || only.some((start) => id.startsWith(start)),
  );
  if (chosen.length === 0)
    throw new Error(`no measure is called \`${only.join('`, `')}\`: ${idsOf(measures)}`);
  const results = await measureAll(chosen, quick);
  if (options.json) process.stdout.write(`${JSON.stringify(results)}\n`);
  else {
    process.stdout.write(tableOf(results, chosen));
    if (quick) process.stdout.write('quick: small sizes, the figures mean nothing\n');
  }
  if (!quick && chosen.length === measures.length)
    await writePage(appendHistory(results), measures);
}

async function measureAll(chosen: readonly Measure[], quick: boolean): Promise<Result[]> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    const results = [];
    for (const measure of chosen) {
      process.stderr.write(`${measure.id} …\n`);
      results.push(judge(measure, await measureAlone(measure, directory, quick)));
    }
    return results;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureAlone({ id }: Measure, directory: string, quick: boolean): Promise<Samples> {
  const program = join(import.meta.dirname, 'lib', 'measure-alone.ts');
  const args = ['--expose-gc', program, id, directory, ...(quick ? ['--quick'] : [])];
  return JSON.parse((await runNode(args)).stdout) as Samples;
}

function idsOf(all: readonly Measure[]): string {
  return all.map(({ id }) => id).join(', ');
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
