import { posix, win32 } from 'node:path';

import { PipelineError } from '../errors.ts';
import { userDirectory } from './user-directory.ts';

const namePattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;

/**
 * Where a pipeline keeps its state and dead letters: `$XDG_STATE_HOME/millrace/<name>`, or what
 * macOS and Windows have in its place. Throws where the name cannot be that of a directory.
 */
export function stateDirectory(
  env: Readonly<Record<string, string | undefined>>,
  pipelineName: string,
  platform: NodeJS.Platform = process.platform,
): string {
  if (!namePattern.test(pipelineName)) {
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: 'name',
      fact: `a pipeline cannot be named ${JSON.stringify(pipelineName)}`,
      remedy: 'use up to 64 letters, digits, dots, dashes and underscores, no dot first',
    });
  }
  const { join } = platform === 'win32' ? win32 : posix;
  return join(ownDirectory(env, platform), pipelineName);
}

function ownDirectory(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
): string {
  try {
    return userDirectory('state', env, platform);
  } catch (cause) {
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: 'HOME',
      fact: 'there is no home directory to keep state in',
      remedy: 'set `XDG_STATE_HOME` to a directory',
      cause,
    });
  }
}
