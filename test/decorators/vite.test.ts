import { describe, expect, test } from 'vitest';

import { decorators } from '../../src/vite/index.ts';

describe('the plugin for Vite', () => {
  const { transform } = decorators();

  test('compiles what has decorators or accessors, with a map', async () => {
    for (const code of [
      'class A {\n  @log read(): number { return 1; }\n}',
      'class A {\n  @log.every(5)\n  read() {}\n}',
      'class A {\n  accessor value = 1;\n}',
      'class A {\n  static accessor value = 1;\n}',
    ]) {
      const compiled = await transform(code, '/src/a.ts?v=1');
      expect(compiled?.code).not.toMatch(/@log|accessor value|: number/);
      expect(JSON.parse(compiled!.map)).toMatchObject({ version: 3, sources: ['/src/a.ts'] });
    }
  });

  test('leaves everything else alone', async () => {
    expect(await transform('const a = 1; // @log', '/src/a.ts')).toBeUndefined();
    expect(await transform('const mail = "a@b.c";', '/src/a.ts')).toBeUndefined();
    expect(await transform('@media print {}', '/src/a.css')).toBeUndefined();
    expect(await transform('class A { @log read() {} }', '/src/a.json')).toBeUndefined();
  });
});
