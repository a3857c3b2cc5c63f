import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';

import { type Browser, chromium } from 'playwright-core';

const executablePath = '/usr/bin/chromium';
const isDebianRoot = existsSync('/usr/bin/apt-get') && process.getuid?.() === 0;

/** Whether there is Debian's Chromium; it is installed where that can be done. */
export function hasChromium(): boolean {
  if (!existsSync(executablePath) && isDebianRoot) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update', '-qq'], { env, timeout: 120_000 });
    const words = ['install', '-y', '-qq', '--no-install-recommends', 'chromium'];
    spawnSync('apt-get', words, { env, timeout: 600_000 });
  }
  if (existsSync(executablePath)) return true;
  process.stderr.write(`skipped: no ${executablePath}, and it cannot be installed here\n`);
  return false;
}

/** A browser that asks nobody but who it is told to; `args` beside those that see to that. */
export function launchChromium(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...args,
    ],
  });
}
