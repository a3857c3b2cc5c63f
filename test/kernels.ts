import { join } from 'node:path';

import { compileKernels } from '../tools/kernels.ts';

/** Before the tests: in a checkout that is not built, or was changed since, the kernels are compiled. */
export function setup(): void {
  compileKernels(join(import.meta.dirname, '..', 'dist'));
}
