import type { Browser } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';

import { hasChromium, launchChromium } from './chromium.ts';

/** Gives the one browser of the tests of a file, or of a `describe`, where there is Chromium. */
export function useChromium(args: readonly string[] = []): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (hasChromium()) browser = await launchChromium(args);
  }, 60_000);
  afterAll(() => browser?.close());
  return () => browser!;
}
