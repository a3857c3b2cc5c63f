import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vite';

/** The page as the server gives it out: hashed names, nothing inline, nothing from elsewhere. */
// oxlint-disable-next-line import/no-default-export -- what vite looks for
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2024',
    // Small files would become `data:` addresses, which the policy of the page does not allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
    // Of what is bundled.
    license: { fileName: 'licenses.md' },
  },
});
