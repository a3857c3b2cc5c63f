import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { expect, test } from 'vitest';

import { temporaryDirectory } from './millrace.ts';

const bin = join(import.meta.dirname, '../../bin/millrace.cjs');

test.each(['0.10.48', '12.22.0', '20.19.0', '24.14.9'])(
  'on Node %s it says what it needs',
  (version) => {
    const disguise = join(temporaryDirectory(), 'disguise.cjs');
    const versions = JSON.stringify({ ...process.versions, node: version });
    writeFileSync(
      disguise,
      `Object.defineProperty(process, 'versions', { value: ${versions} });\n`,
    );
    const { status, stdout, stderr } = spawnSync(process.execPath, ['-r', disguise, bin, 'list'], {
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 78, stdout: '' });
    expect(stderr).toBe(
      `millrace needs Node.js 24.15 or later, and this is ${version}; install a newer one from https://nodejs.org\n`,
    );
  },
);
