import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { expect, onTestFinished, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

/** What a run from file to file tells of the kernels, in a process of its own. */
function toldElsewhere(before: string, environment: Record<string, string> = {}): unknown {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-kernels-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const [from, to] = [join(directory, 'in.ndjson'), join(directory, 'out.ndjson')];
  writeFileSync(from, '{"value":1}\n{"value":2}\n');
  const code = `
    import { fileSink, fileSource, pipeline, schema } from './src/index.ts';
    ${before}
    const source = fileSource({ path: '${from}', schema: schema({ value: 'float64' }) });
    const run = await pipeline('kernels').from(source).to(fileSink({ path: '${to}' })).start();
    const reasons = [];
    run.listen((event) => {
      if (event.name === 'kernels.replaced') reasons.push(event.fields.reason);
    });
    const { recordsOut } = await run.done;
    console.log(JSON.stringify({ recordsOut, kernels: run.stats().kernels, reasons }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: root,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
  });
  return stdout === '' ? stderr : JSON.parse(stdout);
}

test('a run says what reads and writes its bytes', () => {
  expect(toldElsewhere('')).toEqual({ recordsOut: 2, kernels: 'wasm', reasons: [] });
});

test('it tells once that kernels do not run where they should, and goes on', () => {
  const reason = 'the runtime has no WebAssembly';
  expect(toldElsewhere('delete globalThis.WebAssembly;')).toEqual({
    recordsOut: 2,
    kernels: `typescript (${reason})`,
    reasons: [reason],
  });
});

test('kernels that are switched off are no warning', () => {
  expect(toldElsewhere('', { MILLRACE_KERNELS: 'off' })).toEqual({
    recordsOut: 2,
    kernels: 'typescript (MILLRACE_KERNELS is off)',
    reasons: [],
  });
});
