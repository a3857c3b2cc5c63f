import process from 'node:process';

import { PipelineError } from '../errors.ts';

const oldest = [24, 15] as const;

/** Throws one clear sentence on a Node.js that is too old. */
export function requireNode(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
  throw new PipelineError({
    code: 'ERR_NODE_VERSION',
    place: 'node',
    fact: `millrace needs Node.js ${oldest.join('.')} or later, and this is ${version}`,
    remedy: 'install a newer one from https://nodejs.org',
  });
}
