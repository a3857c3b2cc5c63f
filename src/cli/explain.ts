import { readFile, stat } from 'node:fs/promises';

import { fileError } from '../core/system-files.ts';
import { alignColumns, escapeControls } from '../core/plain-text.ts';
import { explainFlight } from '../observe/flight-recorder/explain.ts';
import type { FlightExplanation, FlightStep } from '../observe/flight-recorder/explanation.ts';
import { parseFlight } from '../observe/flight-recorder/parse.ts';
import { UsageError } from './failure.ts';
import { widthOf } from './screen.ts';
import type { Terminal } from './terminal.ts';
import { formatCount, formatDuration, labelled, sparkline, wrapText } from './text.ts';

/** No flight recorder writes more. */
const bytesMax = 64 * 2 ** 20;
/** Of a long list the first and the last few are shown. */
const stepsMax = 20;
const signsMax = 10;
const failuresMax = 5;
const batchesMax = 5;

/** Prints what a flight recorder wrote: what happened first, where, since when, and what it cost. */
export async function explainFile(
  file: string,
  { json }: { readonly json?: boolean },
  terminal: Terminal,
): Promise<void> {
  const explanation = explainFlight(parseFlight(await readWhole(file), file));
  if (json) {
    terminal.printJson(explanation);
    return;
  }
  const heading = (text: string): string => terminal.style('bold', text, terminal.out);
  for (const line of explanationLines(explanation, widthOf(terminal.out), heading)) {
    terminal.print(line);
  }
}

async function readWhole(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > bytesMax) throw new UsageError(`${file}: a record has at most ${bytesMax} bytes`);
    return await readFile(file, 'utf8');
  } catch (error) {
    throw error instanceof UsageError ? error : fileError(file, error);
  }
}

/** An explanation as text that is so many columns wide. */
export function explanationLines(
  explanation: FlightExplanation,
  width: number,
  heading: (text: string) => string,
): string[] {
  const { timeline, lastFailures, slowestBatches, failing, at } = explanation;
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : ['', heading(title), ...lines];
  const failures = lastFailures.slice(-failuresMax).map((failure) => ({
    cells: [ago(failure.at, at), failure.stage],
    text: `${failure.reason}: ${failure.message} (${failure.eventId})`,
  }));
  const batches = slowestBatches
    .slice(0, batchesMax)
    .map(({ component, ms, rows, at: doneAt }) => ({
      cells: [ago(doneAt, at), component],
      text: `${formatDuration(ms)} for ${formatCount(rows)} rows`,
    }));
  return [
    ...headLines(explanation, width, heading),
    ...section('records/s', pictureLines(explanation, width)),
    ...section('wrong at the end', table(signRows(explanation), width)),
    ...section('failing', table(failing.map(failingRow), width)),
    ...section('timeline', table(stepRows(timeline, at), width)),
    ...section('last failures', table(failures, width)),
    ...section('slowest batches', table(batches, width)),
  ];
}

const reasons = {
  alert: 'an alert turned critical',
  'run-failed': 'the run failed',
  crash: 'the process crashed',
  asked: 'as it was then',
} as const;

function headLines(
  explanation: FlightExplanation,
  width: number,
  heading: (text: string) => string,
): string[] {
  const { pipeline, reason, why, at, versions, stack, coveredMs, rssMiB } = explanation;
  const title = `${escapeControls(pipeline)}: ${reasons[reason]}, ${timeText(at)}`;
  const facts = [
    ...(why === '' ? [] : [labelled('why', why, width)]),
    ...(stack === undefined ? [] : [labelled('where', frameOf(stack), width)]),
    labelled('first', firstText(explanation), width),
    labelled('cost', costText(explanation), width),
    labelled('bottleneck', bottleneckText(explanation), width),
    ...(rssMiB === null
      ? []
      : [
          labelled(
            'memory',
            `${Math.round(rssMiB.first)} MiB, ${Math.round(rssMiB.last)} MiB at the end`,
            width,
          ),
        ]),
    labelled(
      'record',
      `the last ${formatDuration(coveredMs)}; millrace ${versions.millrace}, Node ${versions.node}`,
      width,
    ),
  ];
  return [...wrapText(title, width, 0).map(heading), ...facts.flat()];
}

/** The first frame of a stack: where it was thrown. */
function frameOf(stack: string): string {
  const frame = stack.split('\n').find((line) => line.trimStart().startsWith('at '));
  return frame?.trim().replace(/^at /, '') ?? 'unknown';
}

function firstText({ first, at }: FlightExplanation): string {
  if (first === null) return 'nothing was wrong before, as far as the record goes';
  const where = first.component === '' ? 'the run' : first.component;
  const end = first.isOver ? ', and over again' : '';
  const before = formatDuration(at - first.at);
  return `${where}: ${first.text}, since ${clockText(first.at)}, ${before} before the end${end}`;
}

function costText({ cost, first }: FlightExplanation): string {
  const { failed, dropped, perSecondBefore: before, perSecondSince: since } = cost;
  const counts = `${formatCount(failed)} records failed, ${formatCount(dropped)} dropped`;
  if (first === null) {
    return before === null ? counts : `${formatCount(before)} records/s; ${counts}`;
  }
  if (before === null || since === null) return `since then ${counts}`;
  return `since then ${formatCount(since)} records/s in place of ${formatCount(before)}; ${counts}`;
}

function bottleneckText({ bottleneck }: FlightExplanation): string {
  if (bottleneck === null) return 'none: no queue was full, and nothing busy or waiting outside';
  const { component, heldShare, queueFill, overMs } = bottleneck;
  const full = queueFill === null ? '' : `queue ${percent(queueFill)} full, `;
  return `${component}: ${full}busy or waiting outside ${percent(heldShare)} of the last ${formatDuration(overMs)}`;
}

function pictureLines({ perSecond, coveredMs }: FlightExplanation, width: number): string[] {
  if (perSecond.length < 2) return [];
  const shown = perSecond.slice(-(width - 2));
  const [low, high] = [Math.min(...shown), Math.max(...shown)].map(formatCount);
  const ms = (coveredMs * shown.length) / perSecond.length;
  return [`  ${sparkline(shown)}`, `  ${low} to ${high}, over the last ${formatDuration(ms)}`];
}

interface Row {
  readonly cells: readonly string[];
  readonly text: string;
}

/** Rows whose first cells stand below one another and whose text goes on below itself. */
function table(rows: readonly Row[], width: number): string[] {
  const heads = alignColumns(rows.map(({ cells }) => [...cells.map(escapeControls), '|']));
  return rows.flatMap(({ text }, at) => {
    const head = `  ${heads[at]!.slice(0, -1)}`;
    const room = Math.max(width - head.length, 20);
    const lines = wrapText(escapeControls(text), room, 0);
    return lines.map((line, below) => `${below === 0 ? head : ' '.repeat(head.length)}${line}`);
  });
}

function failingRow({
  component,
  failed,
  errorRate,
  errors,
}: FlightExplanation['failing'][number]): Row {
  const kinds = Object.entries(errors).map(([kind, count]) => `${kind} ${formatCount(count)}`);
  const records = failed === 0 ? '' : `; ${formatCount(failed)} records in this time`;
  const share = errorRate === null || errorRate === 0 ? '' : `, ${percent(errorRate)} of all`;
  return { cells: [component], text: `${kinds.join(', ')}${records}${share}` };
}

function signRows({ signs, at }: FlightExplanation): Row[] {
  const rows = signs
    .filter(({ isOver }) => !isOver)
    .map((sign) => ({
      cells: [ago(sign.at, at), sign.component === '' ? 'the run' : sign.component],
      text: sign.text,
    }));
  const more = { cells: ['', ''], text: `(${rows.length - signsMax} more)` };
  return rows.length <= signsMax ? rows : [...rows.slice(0, signsMax), more];
}

function stepRows(timeline: readonly FlightStep[], end: number): Row[] {
  const half = stepsMax / 2;
  const shown = timeline.filter(({ level }) => level !== 'DEBUG');
  const left = shown.length - stepsMax;
  const rows = shown.map(({ at, lastAt, times, level, event, component, text }) => {
    const again = times === 1 ? '' : `, ${formatCount(times)} times until ${ago(lastAt, end)}`;
    const what = [component, event].filter((part) => part !== '').join(' ');
    return { cells: [ago(at, end), level], text: `${what}: ${text}${again}` };
  });
  if (left <= 0) return rows;
  const gap = { cells: ['', ''], text: `(${left} more)` };
  return [...rows.slice(0, half), gap, ...rows.slice(-half)];
}

/** `-2m05s`: a time before the end, without blanks. */
function ago(at: number, end: number): string {
  const ms = Math.max(0, end - at);
  if (ms < 9950) return `-${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `-${seconds}s`;
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  if (minutes < 60) return `-${minutes}m${pad(rest)}s`;
  return `-${Math.floor(minutes / 60)}h${pad(minutes % 60)}m`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(share < 0.1 ? 2 : 3))} %`;
}

/** `2026-01-31 10:15:00 UTC` */
function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function clockText(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}
