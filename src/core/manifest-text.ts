import type { ComponentDescription, ParameterDescription } from './describe.ts';

const headings = ['parameter', 'required', 'default', 'kind'];

/** A manifest as text: of each component its name, type and summary, and its parameters as a table. */
export function manifestText(components: readonly ComponentDescription[]): string {
  const parts = components.map((component) => `${componentLines(component).join('\n')}\n`);
  return parts.join('\n');
}

function componentLines({
  className,
  stageType,
  summary,
  parameters,
  parametersUnknown,
}: ComponentDescription): string[] {
  const head = [`${printable(className)} (${stageType})`, `  ${printable(summary)}`];
  if (parametersUnknown !== undefined) {
    return [...head, '', `  parameters not known: ${printable(parametersUnknown)}`];
  }
  if (parameters.length === 0) return [...head, '', '  no parameters'];
  const rows = [headings, ...parameters.map(cellsOf)];
  const widths = headings.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const lines = rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at]!)).join('  '));
  return [...head, '', ...lines.map((line) => `  ${line}`.trimEnd())];
}

function cellsOf({
  name,
  kind,
  default: given,
  hasDefault,
  required,
}: ParameterDescription): string[] {
  const shown = given === undefined ? 'computed' : JSON.stringify(given);
  return [name, required ? 'yes' : 'no', hasDefault ? shown : '', kind].map(printable);
}

/** A text that stays in its line and moves no cursor. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]+/gu, ' ');
}
