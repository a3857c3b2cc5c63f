import { normalize } from 'node:path';

import { fileIdentity, isMeantBy, namesFile } from '../../core/file-identity.ts';
import {
  type Files,
  isDescribed,
  type SinkComponent,
  type SourceComponent,
} from '../../core/index.ts';
import type { PlannedSink, PlannedSource } from '../planned.ts';
import { pathTo } from './blame.ts';
import type { Problems } from './problems.ts';

interface FileUser {
  readonly id: string;
  /** A path or a glob pattern. */
  readonly pattern: string;
}

export interface FileUsers {
  /** The name of the pipeline. */
  readonly pipeline: string;
  readonly sources: readonly Pick<PlannedSource, 'node' | 'options'>[];
  readonly sinks: readonly Pick<PlannedSink, 'node' | 'options'>[];
}

/** A file that two components use would be emptied or torn by one of them. */
export async function checkFiles(
  { pipeline, sources, sinks }: FileUsers,
  files: Files,
  problems: Problems,
): Promise<void> {
  const users = sources.flatMap(({ node, options }) => {
    const reads = specOf<SourceComponent>(node.component)?.reads?.(options as never) ?? [];
    return reads.map((pattern) => ({ id: node.id, pattern: normalize(pattern) }));
  });
  for (const { node, options } of sinks) {
    let written: string | undefined;
    try {
      written = specOf<SinkComponent>(node.component)?.writes?.(options as never, pipeline);
    } catch (error) {
      problems.refused(error, node, 'invalid-option');
    }
    if (written === undefined) continue;
    const path = normalize(written);
    const user =
      users.find(({ pattern }) => isMeantBy(path, pattern)) ??
      (await userByLink(path, users, files));
    if (user !== undefined) {
      const text = `\`${node.id}\` writes the file that \`${user.id}\` uses: ${written}`;
      problems.add('topology', [...node.path, ...(pathTo(options, written) ?? [])], text);
    }
    users.push({ id: node.id, pattern: path });
  }
}

/** Who uses a file under another name: a link to it, or a directory that is one. */
async function userByLink(
  path: string,
  users: readonly FileUser[],
  files: Files,
): Promise<FileUser | undefined> {
  const identity = users.length === 0 ? undefined : await fileIdentity(files, path);
  if (identity === undefined) return undefined;
  for (const user of users) {
    if (await namesFile(files, user.pattern, path, identity)) return user;
  }
  return undefined;
}

function specOf<C extends SourceComponent | SinkComponent>(
  component: object | undefined,
): C['definition']['spec'] | undefined {
  return component !== undefined && isDescribed(component)
    ? (component as C).definition.spec
    : undefined;
}
