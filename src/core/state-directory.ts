import { homedir, userInfo } from 'node:os';
import { posix, win32 } from 'node:path';

import { PipelineError } from '../errors.ts';

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
  const { join, isAbsolute } = platform === 'win32' ? win32 : posix;
  const xdg = env['XDG_STATE_HOME'];
  // The XDG specification says that a relative path is to be ignored.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'millrace', pipelineName);
  if (platform === 'win32') {
    const local = env['LOCALAPPDATA'] ?? join(env['USERPROFILE'] ?? homedir(), 'AppData', 'Local');
    return join(local, 'millrace', 'State', pipelineName);
  }
  const home = homeIn(env);
  const parts = platform === 'darwin' ? ['Library', 'Application Support'] : ['.local', 'state'];
  return join(home, ...parts, 'millrace', pipelineName);
}

/** The home directory; where the environment names none, that of the user. */
function homeIn(env: Readonly<Record<string, string | undefined>>): string {
  const home = env['HOME'];
  if (home !== undefined && posix.isAbsolute(home)) return home;
  try {
    return userInfo().homedir;
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
