import { defineConfig } from 'vitest/config';

import { decorators } from './src/vite/index.ts';

export default defineConfig({
  plugins: [decorators()],
  test: {
    include: ['test/**/*.test.ts'],
    // At night the property tests run at their full size.
    testTimeout: process.env['MILLRACE_NIGHTLY'] ? 900_000 : 30_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
