import { isLogLevel, type LogLevel, logLevels } from '../core/index.ts';
import { FairShare, groupOfLine } from './fair-share.ts';

/** A line of the log, and what it tells of. */
interface KeptLine {
  readonly text: string;
  readonly weight: number;
  /** Its component and event. */
  readonly group: string;
}

/** The last lines of a log, of which no event of a component takes the room of the others. */
export class KeptLines {
  readonly #lines = new FairShare<KeptLine>({
    max: 1000,
    bytesEach: 1024,
    groupOf: ({ group }) => group,
    bytesOf: ({ text }) => text.length,
  });

  /** How many were taken away by now. */
  get leftOut(): number {
    return this.#lines.leftOut;
  }

  add(text: string): void {
    this.#lines.add(keptLine(text));
  }

  /** The newest of at least a level, newest last. */
  newest(count: number, level: LogLevel): string[] {
    const from = logLevels[level];
    const heavy = this.#lines.list.filter(({ weight }) => weight >= from);
    return heavy.slice(-count).map(({ text }) => text);
  }
}

function keptLine(text: string): KeptLine {
  const line = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const { level } = line;
  const weight = isLogLevel(level) ? logLevels[level] : 0;
  return { text, weight, group: groupOfLine(line) };
}
