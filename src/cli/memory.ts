import {
  measureModule,
  type MemoryRow,
  memoryTable,
  type MemoryTable,
  memoryTableText,
} from '../memory/index.ts';
import { instancesMax } from '../memory/measure.ts';
import { usualInstances, versions } from '../memory/table.ts';
import { UsageError } from './failure.ts';
import type { Terminal } from './terminal.ts';
import { formatCount } from './text.ts';

export interface MemoryOptions {
  readonly instances?: readonly number[];
  /** `FILE#NAME` */
  readonly class?: string;
  readonly json?: boolean;
}

/** Measures what records take of memory and prints it as a table, or as JSON. */
export async function printMemory(options: MemoryOptions, terminal: Terminal): Promise<void> {
  const { instances = usualInstances, json = false } = options;
  if (instances.some((count) => count > instancesMax)) {
    throw new UsageError(`--instances: at most ${formatCount(instancesMax)} at a time`);
  }
  const showProgress = (row: MemoryRow): void => {
    if (!terminal.err.isTTY) return;
    terminal.showStatus(() => [`measured ${formatCount(row.instances)} × ${row.record}`]);
  };
  try {
    const table =
      options.class === undefined
        ? await memoryTable(instances, showProgress)
        : await ownTable(options.class, instances, showProgress);
    terminal.hideStatus();
    if (json) terminal.printJson(table);
    else terminal.print(memoryTableText(table));
  } finally {
    terminal.hideStatus();
  }
}

async function ownTable(
  place: string,
  instances: readonly number[],
  measured: (row: MemoryRow) => void,
): Promise<MemoryTable> {
  const at = place.lastIndexOf('#');
  const [file, name] = [place.slice(0, at), place.slice(at + 1)];
  if (at < 1 || name === '') {
    throw new UsageError(
      `\`${place}\` names no class: write \`FILE#NAME\`, as ./reading.ts#Reading`,
    );
  }
  const rows: MemoryRow[] = [];
  for (const count of instances) {
    rows.push({ record: name, ...(await measureModule(file, name, count)) });
    measured(rows.at(-1)!);
  }
  return { ...versions(), rows, missing: [] };
}
