import { vi } from 'vitest';

// Where the runtime lets no code be generated, everything holds as it does elsewhere.
vi.mock('../../src/batch/generate.ts', () => ({
  canGenerate: () => false,
  generate: () => {
    throw new EvalError('no code is generated here');
  },
}));

await import('./attributes.test.ts');
await import('./audited.test.ts');
