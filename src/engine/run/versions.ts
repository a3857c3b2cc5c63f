import { createRequire } from 'node:module';

import type { Versions } from '../../observe/snapshot.ts';
import { ownFile } from '../../own-files.ts';

let known: Versions | undefined;

/** What runs. */
export function versions(): Versions {
  return (known ??= Object.freeze({ millrace: packageVersion(), node: process.versions.node }));
}

function packageVersion(): string {
  try {
    const load = createRequire(ownFile(''));
    const { name, version } = load('./package.json') as Record<'name' | 'version', string>;
    // Bundled into a program, it has that one's manifest where its own was.
    if (name === 'millrace') return version;
  } catch {
    // Or none at all.
  }
  return 'unknown';
}
