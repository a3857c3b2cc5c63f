import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { format, resolveConfig } from 'prettier';

import { root } from './child.ts';
import type { Entry } from './history.ts';
import type { Measure, Result } from './measure.ts';

/** Where a whole run is told to readers. */
export const pagePath: string = join(root, 'docs', 'benchmarks.md');

export async function writePage(entry: Entry, measures: readonly Measure[]): Promise<void> {
  await writeFile(pagePath, await pageOf(entry, measures));
}

/** One whole run as a page: the machine, the versions, and each measure with how to repeat it. */
export async function pageOf(entry: Entry, measures: readonly Measure[]): Promise<string> {
  const { machine, versions, results, time } = entry;
  const told = measures.flatMap((measure) => {
    const result = results.find(({ id }) => id === measure.id);
    return result === undefined ? [] : [{ measure, result }];
  });
  const missed = told.filter(({ result }) => !result.holds);
  const text = [
    '<!-- Made by `npm run bench`. Do not edit. -->',
    '# Benchmarks',
    'Each line compares two sides in one run, in a process of its own, and takes turns between them; ' +
      'the figures are medians. What counts is the ratio: times are those of this machine. ' +
      '`npm run bench` runs them all on yours, and writes this page.',
    `Measured on ${time.slice(0, 10)} at commit ${versions['commit'] ?? 'unknown'}: ` +
      `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.platform} ${machine.arch}.`,
    `${told.length - missed.length} of ${told.length} hold. ` +
      (missed.length === 0 ? '' : `Beyond their limits: ${missed.map(linkOf).join(', ')}.`),
    '## Figures',
    '| measure | Millrace | peer | ratio | target | holds |\n| --- | ---: | ---: | ---: | ---: | --- |\n' +
      told.map(rowOf).join('\n'),
    'A target of ≥ says how many times faster than the peer Millrace is to be; one of ≤ says how ' +
      'much it may take, compared with the peer.',
    '## Versions',
    versionsOf(versions),
    '## What each compares',
    ...told.map(sectionOf),
  ].join('\n\n');
  const options = await resolveConfig(pagePath);
  return format(text, { ...options, parser: 'markdown' });
}

interface Told {
  readonly measure: Measure;
  readonly result: Result;
}

function rowOf({ measure, result }: Told): string {
  const sign = 'faster' in measure.target ? '≥' : '≤';
  const cost = (value: number): string => `${value} ${measure.unit}`;
  const isLimit = measure.peer === 'the limit';
  const peer = `${isLimit ? 'limit ' : ''}${cost(result.peer)}`;
  const { ratio, target, holds } = result;
  const cells = [linkOf({ measure }), cost(result.ours), peer, ratio, `${sign} ${target}`];
  return `| ${cells.join(' | ')} | ${holds ? 'yes' : '**no**'} |`;
}

function linkOf({ measure: { id } }: Pick<Told, 'measure'>): string {
  return `[${id}](#${id.replaceAll('.', '')})`;
}

function sectionOf({ measure: { id, title, peer } }: Told): string {
  return `### ${id}\n\n${upperFirst(title)}. Peer: ${peer}.\n\n\`npm run bench -- --only ${id}\``;
}

function versionsOf(versions: Entry['versions']): string {
  return Object.entries(versions)
    .filter(([name]) => name !== 'commit')
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}

function upperFirst(text: string): string {
  return text.replace(/^[a-z]/, (first) => first.toUpperCase());
}
