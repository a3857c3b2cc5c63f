const special = /[\\"\n]/;

/** The labels of a value. */
export interface Labels {
  readonly record: Readonly<Record<string, string>>;
  /** As both text formats have them, without the braces. */
  readonly text: string;
}

/** These labels, behind others where there are such. */
export function labelsOf(record: Readonly<Record<string, string>>, behind?: Labels): Labels {
  let text = behind?.text ?? '';
  for (const name in record) {
    text += `${text === '' ? '' : ','}${name}="${escapeLabel(record[name]!)}"`;
  }
  return { record: behind === undefined ? record : { ...behind.record, ...record }, text };
}

function escapeLabel(value: string): string {
  if (!special.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
