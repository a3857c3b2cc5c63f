import { stringify } from 'yaml';

import { fileSource } from '../connectors/file.ts';
import { systemOutside } from '../core/index.ts';
import type { Terminal } from './terminal.ts';

/** Prints the source that reads a data file, with the schema that its first records have. */
export async function inferFile(file: string, terminal: Terminal): Promise<void> {
  const z = await import('zod');
  const options = fileSource.spec.options(z).parse({ path: file });
  const { signal } = new AbortController();
  const schema = await fileSource.spec.output(options, { ...systemOutside(), id: 'file', signal });
  const source = { source: { file: { path: file, schema: schema.toJSON() } } };
  terminal.print(stringify(source).trimEnd());
}
