import { dirname, resolve } from 'node:path';

import { fileIdentity, isMeantBy, namesFile } from '../core/file-identity.ts';
import type { Files, SinkComponent, SourceComponent } from '../core/index.ts';
import { type Plan, ValidationError } from '../engine/index.ts';
import { UsageError } from './failure.ts';

interface Used {
  /** In messages. */
  readonly name: string;
  readonly paths: readonly string[];
}

/** Throws a `ValidationError` where a sink of the pipeline would write over the file it came from. */
export async function checkConfigKept(file: string, plan: Plan): Promise<void> {
  for (const { name, paths } of written(plan, dirname(resolve(file)))) {
    if (!(await isAmong(plan.outside.files, file, paths))) continue;
    const text = `${name} would write over the pipeline file itself: ${file}`;
    throw new ValidationError(file, [{ kind: 'topology', path: [], file, text }]);
  }
}

/** Throws a `UsageError` where a report would go over the pipeline file or a file that it uses. */
export async function checkReportApart(
  reportFile: string,
  file: string,
  plan: Plan,
): Promise<void> {
  const directory = dirname(resolve(file));
  const used = [
    { name: 'the pipeline itself', paths: [file] },
    ...read(plan, directory),
    ...written(plan, directory),
  ];
  for (const { name, paths } of used) {
    if (!(await isAmong(plan.outside.files, reportFile, paths))) continue;
    throw new UsageError(
      `--report-file ${reportFile}: ${name} uses this file; name one of its own`,
    );
  }
}

function read({ sources }: Plan, directory: string): Used[] {
  return sources.flatMap(({ node, options }) => {
    const { definition } = node.component as Partial<SourceComponent>;
    const paths = definition?.spec.reads?.(options as never) ?? [];
    return { name: `\`${node.id}\``, paths: paths.map((path) => resolve(directory, path)) };
  });
}

function written({ name, sinks, deadLetters }: Plan, directory: string): Used[] {
  const all = deadLetters === undefined ? sinks : [...sinks, deadLetters];
  return all.flatMap(({ node, options }) => {
    const { definition } = node.component as Partial<SinkComponent>;
    const path = definition?.spec.writes?.(options as never, name);
    return path === undefined
      ? []
      : [{ name: `\`${node.id}\``, paths: [resolve(directory, path)] }];
  });
}

async function isAmong(files: Files, file: string, patterns: readonly string[]): Promise<boolean> {
  const path = resolve(file);
  const identity = await fileIdentity(files, path);
  if (identity === undefined) return false;
  for (const pattern of patterns) {
    if (isMeantBy(path, pattern)) return true;
    if (await namesFile(files, pattern, path, identity)) return true;
  }
  return false;
}
