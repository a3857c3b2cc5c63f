import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createViteServer } from 'vitest/node';

import { decorators } from '../../src/vite/index.ts';

const { transform } = decorators();

describe('the plugin for Vite', () => {
  test.each([
    ['ts', 'class A {\n  @log read(): number { return 1; }\n}'],
    ['ts', 'class A {\n  @log.every(5)\n  read() {}\n}'],
    ['ts', 'class A { @log read() {} }'],
    ['ts', 'class A { a = 1; @log @twice() read() {} @(log) static b() {} }'],
    ['ts', 'export @log class A {}'],
    ['ts', 'export default @log class A {}'],
    ['ts', 'export@log class A {}'],
    ['ts', 'export const A = @log class {};'],
    ['ts', 'keep(@log class {}, [@log class {}])'],
    ['ts', 'const text = `${@log class {}}`;'],
    ['ts', 'class A { /* @log */@log read() {} }'],
    ['ts', 'class A {\n  accessor value = 1;\n}'],
    ['ts', 'class A { static accessor value = 1; }'],
    ['mts', 'class A { @log read(): void {} }'],
    ['cts', 'class A { @log read(): void {} }'],
    ['js', 'class A { @log read() {} }'],
    ['mjs', 'class A { @log read() {} }'],
    ['cjs', 'class A { @log read() {} }'],
    ['js', 'class A { @log read() { return <p>text</p>; } }'],
  ])('compiles %s: %s', async (end, code) => {
    const compiled = await transform(code, `/src/a.${end}?v=1`);
    const body = compiled?.code.replaceAll(/\/\*[^]*?\*\//g, '');
    expect(body).toMatch(/__decorateElement|get value\(/);
    expect(body).not.toMatch(/@log|accessor value|: number|: void/);
    const sources = [`/src/a.${end}`];
    expect(JSON.parse(compiled!.map)).toMatchObject({
      version: 3,
      sources,
      sourcesContent: [code],
    });
  });

  test.each([
    ['ts', 'const a = 1; // @log'],
    ['ts', '/**\n * @param a what it is\n */\nfunction f(a: number) {}'],
    ['ts', 'const mail = "a@b.c";'],
    ['ts', 'import a from "@scope/a"; const b = \'x @log y\', c = `\n@log read() {}`;'],
    ['ts', 'const a = /x @log/; const b = 1 / 2; // @log /'],
    ['ts', 'const accessor = 1; use(accessor);'],
    ['tsx', 'const a = <p>write to @log or (@you)</p>;'],
    ['jsx', 'const a = <p title="@log">\n  @log\n</p>;'],
    ['js', '/** @type {string} */\nlet a;'],
    ['ts', 'class A { @log read( {} }'],
    ['ts', 'class A { constructor(@inject() readonly a: B) {} }'],
    ['css', '@media print {}'],
    ['json', 'class A { @log read() {} }'],
    ['vue', '<a @click="b" />'],
  ])('leaves alone %s: %s', async (end, code) => {
    expect(await transform(code, `/src/a.${end}`)).toBeUndefined();
  });

  test.each(['tsx', 'jsx'])('keeps the JSX of %s, and what a comment says of it', async (end) => {
    const code = `/** @jsxImportSource preact */
import React from 'react';
import { Part } from './part';
export class View { @log render() { return <Part a={1}>b <>c</></Part>; } }`;
    const compiled = await transform(code, `/src/a.${end}`);
    expect(compiled?.code).toContain('return <Part a={1}>b <>c</></Part>;');
    expect(compiled?.code).toMatch(/^\/\*\* @jsxImportSource preact \*\/$/m);
    expect(compiled?.code).toContain('import React from "react";');
    expect(compiled?.code).not.toContain('createElement');
  });
});

describe('in Vite', () => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-vite-'));
  let vite: Awaited<ReturnType<typeof createViteServer>>;

  beforeAll(async () => {
    vite = await createViteServer({
      root,
      configFile: false,
      logLevel: 'silent',
      server: { middlewareMode: true, ws: false, watch: null },
      optimizeDeps: { noDiscovery: true },
      plugins: [decorators()],
    });
  });

  afterAll(async () => {
    await vite.close();
    rmSync(root, { recursive: true });
  });

  const written = (name: string, code: string): string => {
    writeFileSync(join(root, name), code);
    return `/${name}`;
  };

  const log = 'const seen = []; const log = (_, { name }) => void seen.push(name);';

  test.each([
    ['a.ts', `${log} class A { @log read(): number { return 1; } }\nexport { seen };`],
    ['b.mts', `${log} class A { @log read(): number { return 1; } }\nexport { seen };`],
    ['c.js', `${log} export @log class read {}\nexport { seen };`],
    ['d.mjs', `${log} class A { @log accessor read = 1; }\nexport { seen };`],
    [
      'e.tsx',
      `/** @jsxRuntime classic @jsx seen.push */
${log} class A { @log render(): number { return <read />; } }
new A().render();
export { seen };`,
    ],
  ])('runs %s', async (name, code) => {
    const module = await vite.ssrLoadModule(written(name, code));
    expect((module['seen'] as unknown[]).filter((name) => name === 'read')).toHaveLength(1);
  });

  test('what is thrown is found in the file as it was written', async () => {
    const code = `const log = (method: unknown): void => {};
export class A {
  @log read(): never {
    const text: string = 'here';
    throw new Error(text);
  }
}
`;
    const path = written('map.ts', code);
    const result = await vite.environments.ssr.transformRequest(path);
    const map = new SourceMap(result!.map as SourceMapPayload);
    const lines = result!.code.split('\n');
    const line = lines.findIndex((text) => text.includes('throw new Error'));
    const { originalLine, originalSource } = map.findEntry(line, lines[line]!.indexOf('throw')) as {
      originalLine: number;
      originalSource: string;
    };
    expect([originalLine, originalSource]).toEqual([4, 'map.ts']);
  });

  test('says what is wrong with a file', async () => {
    const path = written('wrong.ts', 'class A { @log read( {} }');
    await expect(vite.environments.ssr.transformRequest(path)).rejects.toThrow(
      /wrong\.ts|Expected/,
    );
  });
});
