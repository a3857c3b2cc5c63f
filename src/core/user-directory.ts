import { homedir, userInfo } from 'node:os';
import { posix, win32 } from 'node:path';

const kinds = {
  state: {
    variable: 'XDG_STATE_HOME',
    linux: ['.local', 'state', 'millrace'],
    darwin: ['Library', 'Application Support', 'millrace'],
    win32: ['millrace', 'State'],
  },
  cache: {
    variable: 'XDG_CACHE_HOME',
    linux: ['.cache', 'millrace'],
    darwin: ['Library', 'Caches', 'millrace'],
    win32: ['millrace', 'Cache'],
  },
} as const;

/**
 * Where Millrace keeps things of a kind for a user: in the directory that XDG's variable names, else
 * where the platform has it. Throws what the system throws where there is no home directory.
 */
export function userDirectory(
  kind: keyof typeof kinds,
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string {
  const { variable, linux, darwin, win32: windows } = kinds[kind];
  const { join, isAbsolute } = platform === 'win32' ? win32 : posix;
  const xdg = env[variable];
  // The XDG specification says that a relative path is to be ignored.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'millrace');
  if (platform === 'win32') {
    const local = env['LOCALAPPDATA'] ?? join(env['USERPROFILE'] ?? homedir(), 'AppData', 'Local');
    return join(local, ...windows);
  }
  return join(homeIn(env), ...(platform === 'darwin' ? darwin : linux));
}

/** The home directory; where the environment names none, that of the user. */
function homeIn(env: Readonly<Record<string, string | undefined>>): string {
  const home = env['HOME'];
  return home !== undefined && posix.isAbsolute(home) ? home : userInfo().homedir;
}
