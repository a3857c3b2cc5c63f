import { stdout } from 'node:process';
import { styleText } from 'node:util';

import type { Batch, Kind, Schema } from '../../batch/index.ts';
import type { SinkConnector, SinkContext } from '../../core/index.ts';
import { Output } from '../../core/output.ts';
import { cut, escapeControl, jsonCell, jsonText, readableCell } from './cells.ts';

/** The options with their defaults. */
export interface ParsedOptions {
  readonly every: number;
  readonly limit?: number | undefined;
  readonly format: 'table' | 'json' | 'text';
}

export class ConsoleConnector implements SinkConnector {
  readonly #options: ParsedOptions;
  readonly #context: SinkContext;
  readonly #lines: (batch: Batch, rows: readonly number[]) => string[];
  #output: Output | undefined;
  #taken = 0;
  #shown = 0;

  constructor(options: ParsedOptions, context: SinkContext) {
    this.#options = options;
    this.#context = context;
    this.#lines = createFormat(options.format, context.input);
  }

  open(): Promise<void> {
    this.#output = new Output(this.#context.id, stdout);
    return Promise.resolve();
  }

  async write(batch: Batch, signal: AbortSignal): Promise<void> {
    const { every, limit = Infinity } = this.#options;
    const shown: number[] = [];
    for (let at = 0; at < batch.length; at++) {
      if (this.#taken++ % every !== 0 || this.#shown >= limit) continue;
      shown.push(batch.rows[at]!);
      this.#shown++;
    }
    this.#context.report.counted('rows.unshown', batch.length - shown.length);
    if (shown.length === 0) return;
    await this.#output!.write(`${this.#lines(batch, shown).join('\n')}\n`, signal);
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#output?.release();
    return Promise.resolve();
  }
}

function createFormat(
  format: ParsedOptions['format'],
  schema: Schema,
): (batch: Batch, rows: readonly number[]) => string[] {
  switch (format) {
    case 'json':
      return (batch, rows) => rows.map((row) => jsonLine(batch, row));
    case 'text':
      return (batch, rows) => rows.map((row) => textLine(batch, row));
    case 'table':
      return createTable(schema);
  }
}

/** Longest cells, in characters. */
const [tableCellMax, textCellMax, jsonCellMax] = [40, 256, 8192];

function jsonLine(batch: Batch, row: number): string {
  const members = batch.columns.map((column, index) => {
    const { name } = batch.schema.fields[index]!;
    return `${jsonText(name)}:${jsonCell(column, row, jsonCellMax)}`;
  });
  return `{${members.join(',')}}`;
}

function textLine(batch: Batch, row: number): string {
  const pairs = batch.columns.map((column, index) => {
    const name = cut(escapeControl(batch.schema.fields[index]!.name), tableCellMax);
    return `${styleText('dim', `${name}=`, { stream: stdout })}${readableCell(column, row, textCellMax)}`;
  });
  return pairs.join(' ');
}

/** How wide most values of a kind are, so that later batches line up with the first. */
const usualWidths: Partial<Record<Kind, number>> = { float64: 9, timestamp: 24, bool: 5 };
const numberKinds: readonly Kind[] = ['float64', 'int32', 'int64'];

/** Columns as wide as what they have had to show so far; the header comes once. */
function createTable({ fields }: Schema): (batch: Batch, rows: readonly number[]) => string[] {
  const names = fields.map(({ name }) => cut(escapeControl(name), tableCellMax));
  const widths = names.map((name, at) => Math.max(name.length, usualWidths[fields[at]!.kind] ?? 0));
  const toLine = (cells: readonly string[]): string => {
    const padded = cells.map((cell, at) =>
      numberKinds.includes(fields[at]!.kind)
        ? cell.padStart(widths[at]!)
        : cell.padEnd(widths[at]!),
    );
    const line = padded.join('  ').trimEnd();
    return stdout.isTTY ? cut(line, stdout.columns || Infinity) : line;
  };
  let begun = false;
  return (batch, rows) => {
    const table = rows.map((row) =>
      batch.columns.map((column) => readableCell(column, row, tableCellMax)),
    );
    for (const cells of table) {
      for (const [at, cell] of cells.entries()) widths[at] = Math.max(widths[at]!, cell.length);
    }
    const header = begun ? [] : [styleText('bold', toLine(names), { stream: stdout })];
    begun = true;
    return [...header, ...table.map(toLine)];
  };
}
