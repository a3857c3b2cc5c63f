import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';

import { expect, test } from 'vitest';

import { kernelState, loadKernels } from '../../../src/batch/codec/kernels.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/** Decodes one line in a process of its own, and tells what decoded it. */
function decodeElsewhere(before: string, environment: Record<string, string> = {}): unknown {
  const code = `
    import { createDecoder } from './src/batch/codec.ts';
    import { schema } from './src/batch/index.ts';
    import { kernelState } from './src/batch/codec/kernels.ts';
    ${before}
    const report = { failed() {}, counted() {} };
    const decoder = createDecoder('ndjson', schema({ value: 'float64' }), { report });
    decoder.push(Buffer.from('{"value":0.30000000000000004}\\n'));
    decoder.end();
    console.log(JSON.stringify([kernelState(), decoder.next().toRows()]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: root,
    env: { PATH: process.env['PATH'], ...environment },
    encoding: 'utf8',
  });
  return stdout === '' ? stderr : JSON.parse(stdout);
}

const rows = [{ value: 0.1 + 0.2 }];

test('the kernels are compiled, and this runtime takes them', () => {
  expect(kernelState()).toBeNull();
  expect(loadKernels()).not.toBeNull();
  expect(kernelState()).toEqual({ kernels: 'wasm' });
});

test('their memory is scratch of a fixed size', () => {
  const { exports } = loadKernels()!;
  expect(exports.memory.buffer.byteLength).toBeLessThanOrEqual(16 * 1024 * 1024);
  expect(() => (exports.memory as unknown as { grow(pages: number): void }).grow(1)).toThrow();
});

test('`MILLRACE_KERNELS=off` gives the same without them', () => {
  expect(decodeElsewhere('')).toEqual([{ kernels: 'wasm' }, rows]);
  expect(decodeElsewhere('', { MILLRACE_KERNELS: 'off' })).toEqual([
    { kernels: 'typescript', reason: 'MILLRACE_KERNELS is off', isChosen: true },
    rows,
  ]);
});

test('a runtime that cannot run them is said, and the twin reads', () => {
  expect(decodeElsewhere('delete globalThis.WebAssembly;')).toEqual([
    { kernels: 'typescript', reason: 'the runtime has no WebAssembly', isChosen: false },
    rows,
  ]);
});
