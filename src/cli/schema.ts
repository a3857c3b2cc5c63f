import { writeFile } from 'node:fs/promises';

import { fileError } from '../core/system-files.ts';
import { configSchema } from '../engine/config-schema.ts';
import { builtins } from '../pipeline.ts';
import type { Terminal } from './terminal.ts';

export const schemaFileName = 'pipeline.schema.json';

/** The JSON Schema of a pipeline file with the built-in components, as text. */
export async function schemaText(): Promise<string> {
  return `${JSON.stringify(await configSchema(builtins()), null, 2)}\n`;
}

/** Prints the JSON Schema of a pipeline file, or writes it beside the file. */
export async function printSchema(
  { write }: { readonly write?: string | true },
  terminal: Terminal,
): Promise<void> {
  const text = await schemaText();
  if (write === undefined) {
    terminal.print(text.trimEnd());
    return;
  }
  const file = write === true ? schemaFileName : write;
  await writeFile(file, text).catch((error: unknown) => {
    throw fileError(file, error);
  });
  terminal.complain(`wrote ${file}`);
}
