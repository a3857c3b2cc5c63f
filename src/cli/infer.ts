import { stringify } from 'yaml';

import type { DecodeFormat } from '../batch/codec.ts';
import { fileSource } from '../connectors/file.ts';
import { knownFormat } from '../connectors/file/format.ts';
import { systemOutside } from '../core/index.ts';
import { PipelineError } from '../errors.ts';
import { UsageError } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Prints the source that reads a data file, with the schema that its first records have. */
export async function inferFile(
  file: string,
  { format }: { readonly format?: DecodeFormat },
  terminal: Terminal,
): Promise<void> {
  if (format === undefined && !['ndjson', 'csv'].includes(knownFormat(file) ?? '')) {
    const way = 'add `--format ndjson` or `--format csv`';
    throw new UsageError(`${file}: its name does not tell its format; ${way}`);
  }
  const z = await import('zod');
  const given = { path: file, ...(format !== undefined && { format }) };
  const options = fileSource.spec.options(z).parse(given);
  const { signal } = new AbortController();
  const schema = await fileSource.spec.output(options, { ...systemOutside(), id: 'file', signal });
  if (schema.fields.length === 0) {
    throw new PipelineError({
      code: 'ERR_CONNECTOR_FILE',
      place: file,
      fact: 'is empty: there is no record to find a schema in',
      remedy: 'name a file with records',
    });
  }
  const source = { source: { file: { ...given, schema: schema.toJSON() } } };
  terminal.print(stringify(source).trimEnd());
}
