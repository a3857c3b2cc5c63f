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
    return (load('./package.json') as { readonly version: string }).version;
  } catch {
    return 'unknown';
  }
}
