import { defineConfig } from 'vitest/config';

import { decorators } from './src/vite/index.ts';

export default defineConfig({
  plugins: [decorators()],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/own-state.ts', 'test/kernels.ts'],
    setupFiles: ['test/same-cases.ts'],
    // At night the property tests run at their full size.
    testTimeout: process.env['MILLRACE_NIGHTLY'] ? 900_000 : 30_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
