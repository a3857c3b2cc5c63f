import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { connectors } from '../src/connectors/index.ts';
import { errorCodes } from '../src/errors.ts';
import { stages } from '../src/stages/index.ts';
import {
  arrowViolations,
  componentViolations,
  cycles,
  doorViolations,
  entriesOf,
  errorCodeViolations,
  forbiddenCallViolations,
  loadedWith,
  namingViolations,
  pageViolations,
  sharedWithPage,
  packageViolations,
  siblingViolations,
  undocumentedExports,
} from './architecture/rules.ts';
import { importsOf, readSources, root, type Sources } from './architecture/sources.ts';

const sources = readSources('src');
const errorPage = join(root, 'docs', 'errors.md');

describe('the source keeps to its structure', () => {
  test('areas import along the arrows', () => {
    expect(arrowViolations(sources)).toEqual([]);
  });

  test('no file imports itself, however far around', () => {
    expect(cycles(sources)).toEqual([]);
  });

  test('no stage imports another', () => {
    expect(siblingViolations(sources, 'stages')).toEqual([]);
  });

  test('no connector imports another', () => {
    expect(siblingViolations(sources, 'connectors')).toEqual([]);
  });

  test('packages are loaded when they are needed', () => {
    expect(packageViolations(sources)).toEqual([]);
  });

  test('a program that describes a pipeline loads nothing that plans it or moves its data', () => {
    const loaded = [...loadedWith('src/index.ts', sources)];
    const later = [
      'batch/codec.ts',
      'batch/codec/write-number.ts',
      'batch/transfer.ts',
      'core/file-identity.ts',
      'engine/config.ts',
      'engine/plan.ts',
      'engine/policies.ts',
      'observe/alerts/check-rule.ts',
      'observe/health.ts',
      'resilience/wrap.ts',
    ];
    for (const file of later) expect(sources.has(`src/${file}`)).toBe(true);
    expect(later.filter((file) => loaded.includes(`src/${file}`))).toEqual([]);
    // Of what a connector keeps in its folder, descriptions need these.
    expect(loaded.filter((file) => /^src\/connectors\/.+\//.test(file))).toEqual([
      'src/connectors/dead-letter-file/path.ts',
      'src/connectors/file/format.ts',
      'src/connectors/file/sink-options.ts',
      'src/connectors/file/source-options.ts',
      'src/connectors/sensors/options.ts',
      'src/connectors/simulate/sensor-kinds.ts',
    ]);
  });

  test('of Node it loads what is cheap: no standard streams, no cryptography, no tools', () => {
    const loaded = [...loadedWith('src/index.ts', sources)].flatMap((file) =>
      importsOf(file, sources.get(file)!).filter(({ isType, isLazy }) => !isType && !isLazy),
    );
    const packages = loaded.filter(({ isOurs }) => !isOurs).map(({ target }) => target);
    expect([...new Set(packages)].sort()).toEqual([
      'node:buffer',
      'node:fs/promises',
      'node:module',
      'node:os',
      'node:path',
      'node:perf_hooks',
      'node:timers',
    ]);
  });

  test('files, network and processes are reached through the context', () => {
    expect(doorViolations(sources)).toEqual([]);
  });

  test('kernels import nothing but each other', () => {
    const kernels = readSources('kernels');
    expect(kernels.size).toBeGreaterThan(5);
    const imported = [...kernels].flatMap(([file, text]) => importsOf(file, text));
    const others = imported.filter(({ target }) => !kernels.has(`${target}.ts`));
    expect(others.map(({ target }) => target)).toEqual([]);
  });

  test('the page has only types of the package and what imports nothing, and shows values as text', () => {
    const page = readSources('dashboard');
    expect(page.size).toBeGreaterThan(20);
    expect(pageViolations(page)).toEqual([]);
    const shared = sharedWithPage.map((file) => [file, importsOf(file, sources.get(file)!)]);
    expect(shared).toEqual(sharedWithPage.map((file) => [file, []]));
    const markup = "import { pipeline } from '../../src/index.ts';\nnode.innerHTML = name;";
    expect(pageViolations(new Map([['dashboard/src/page.tsx', markup]]))).toEqual([
      'dashboard/src/page.tsx imports src/index.ts',
      'dashboard/src/page.tsx uses innerHTML',
    ]);
  });

  test('time and chance come from the clock and the random source', () => {
    expect(forbiddenCallViolations(sources)).toEqual([]);
  });

  test('files are named for an idea, and exports have names', () => {
    expect(namingViolations(sources)).toEqual([]);
  });

  test('whatever the package exports is documented', () => {
    const entries = entriesOf(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
    expect(entries).toContain('src/index.ts');
    expect(entries.filter((entry) => !sources.has(entry))).toEqual([]);
    expect(entries.flatMap((entry) => undocumentedExports(entry, sources))).toEqual([]);
  });

  test('each component has a test and a page', () => {
    const components = [...stages, ...connectors].map(({ kind, spec: { name } }) => ({
      kind,
      name,
    }));
    expect(
      componentViolations(components, readSources('test'), (path) => existsSync(join(root, path))),
    ).toEqual([]);
  });

  test('each error code is used and explained', () => {
    const page = existsSync(errorPage) ? readFileSync(errorPage, 'utf8') : '';
    expect(errorCodeViolations(Object.keys(errorCodes), sources, page)).toEqual([]);
  });
});

describe('the checks find what breaks the structure', () => {
  const files = (texts: Record<string, string>): Sources => new Map(Object.entries(texts));

  test('an import against an arrow, also of a type or in an export', () => {
    const bad = files({
      'src/batch/batch.ts': "import type { Clock } from '../core/index.ts';",
      'src/engine/run.ts': "export {\n  a,\n  type B,\n} from '../stages/index.ts';",
      'src/core/clock.ts': "const late = await import('../engine/run.ts');",
      'src/stages/map.ts': "import { Batch } from '../batch/index.ts';",
    });
    expect(arrowViolations(bad)).toEqual([
      'src/batch/batch.ts imports src/core/index.ts, and batch may not import core',
      'src/engine/run.ts imports src/stages/index.ts, and engine may not import stages',
      'src/core/clock.ts imports src/engine/run.ts, and core may not import engine',
    ]);
  });

  test('an area that the table does not know', () => {
    expect(arrowViolations(files({ 'src/extra/new.ts': '' }))).toHaveLength(1);
  });

  test('a cycle', () => {
    const bad = files({
      'src/a.ts': "import { b } from './b.ts';",
      'src/b.ts': "import { c } from './c.ts';",
      'src/c.ts': "import type { A } from './a.ts';",
    });
    expect(cycles(bad)).toEqual(['src/a.ts → src/b.ts → src/c.ts → src/a.ts']);
  });

  test('an export without a word, however it is passed on', () => {
    const bad = files({
      'src/index.ts':
        "export {\n  type A,\n  b,\n} from './core/index.ts';\nexport * from './c.ts';",
      'src/core/index.ts': "export { type A, b, hidden } from './a.ts';",
      'src/core/a.ts':
        'export interface A {}\n\n/** Said. */\nexport const b = 1;\n\nexport const hidden = 1;\n',
      'src/c.ts': "export { C } from './core/c.ts';",
      'src/core/c.ts': 'export class C {}\n',
    });
    expect(undocumentedExports('src/index.ts', bad)).toEqual([
      'src/core/a.ts: A',
      'src/core/c.ts: C',
    ]);
    const own = files({
      'src/d.ts':
        "export const d = 1;\nexport { e };\nexport { f as g } from './core/f.ts';\n/** Said. */\nexport async function* h() {}",
      'src/core/f.ts': '/** Said. */\nexport const f = 1;',
    });
    expect(undocumentedExports('src/d.ts', own)).toEqual([
      'src/d.ts: d',
      'src/d.ts: e, whose declaration is not found',
      'src/core/f.ts: f as g, whose declaration is not found',
    ]);
  });

  test('a component that imports another, but not its own folder', () => {
    const bad = files({
      'src/stages/cast.ts': "import { a } from './cast/number.ts';",
      'src/stages/cast/number.ts': "import { b } from '../map.ts';",
      'src/stages/index.ts': "export { cast } from './cast.ts';",
    });
    expect(siblingViolations(bad, 'stages')).toEqual([
      'src/stages/cast/number.ts imports src/stages/map.ts',
    ]);
  });

  test('a package that is loaded at once', () => {
    const bad = files({
      'src/core/a.ts': "import * as z from 'zod';",
      'src/core/b.ts': "import type * as z from 'zod';\nconst y = import('yaml');",
    });
    expect(packageViolations(bad)).toEqual(['src/core/a.ts loads zod at once']);
  });

  test('what is loaded with a file, however far around', () => {
    const some = files({
      'src/a.ts': "import { b } from './b.ts';\nimport type { D } from './d.ts';",
      'src/b.ts': "export { c } from './c.ts';\nconst e = () => import('./e.ts');",
    });
    expect([...loadedWith('src/a.ts', some)]).toEqual(['src/a.ts', 'src/b.ts', 'src/c.ts']);
  });

  test('a way around the context', () => {
    const bad = files({
      'src/connectors/file.ts': "import { readFile } from 'node:fs/promises';",
      'src/core/system-files.ts': "import { open } from 'node:fs/promises';",
    });
    expect(doorViolations(bad)).toEqual(['src/connectors/file.ts imports node:fs/promises']);
  });

  test('time and chance from elsewhere, but not in a comment', () => {
    const bad = files({
      'src/core/clock.ts': 'const now = Date.now();',
      'src/stages/a.ts':
        '// Date.now() is not for us\nconst now = Date.now();\nconst d = new Date();',
      'src/stages/b.ts': 'const x = Math.random() + performance.now();\nsetTimeout(f, 1);',
    });
    expect(forbiddenCallViolations(bad)).toEqual([
      'src/stages/a.ts:2: Date.now',
      'src/stages/a.ts:3: new Date()',
      'src/stages/b.ts:1: performance.now',
      'src/stages/b.ts:1: Math.random',
      'src/stages/b.ts:2: setTimeout(',
    ]);
  });

  test('a file named for nothing, and a default export', () => {
    const bad = files({
      'src/core/utils.ts': '',
      'src/helpers/a.ts': '',
      'src/stages/a.ts': 'export default 3;',
      'src/stages/b.ts': 'export { b as default };',
    });
    expect(namingViolations(bad)).toHaveLength(4);
  });

  test('a component without a test or a page', () => {
    const made = ['docs/components/stage-map.md', 'docs/components/sink-file.md'];
    const tests = files({
      'test/stages/map.test.ts': "import { map } from '../../src/stages/index.ts';",
      'test/stages/new.test.ts': "import { old } from '../../src/stages/index.ts'; // new",
      'test/connectors/file.test.ts': "import { a, fileSink } from '../../src/connectors/file.ts';",
    });
    const components = [
      { kind: 'stage', name: 'map' },
      { kind: 'sink', name: 'file' },
      { kind: 'stage', name: 'new' },
    ];
    expect(componentViolations(components, tests, (path) => made.includes(path))).toEqual([
      'stage new: no test in test/stages/ imports it',
      'stage new: no docs/components/stage-new.md',
    ]);
  });

  test('an error code that is unused or unexplained', () => {
    const texts = files({
      'src/errors.ts': "'ERR_A' 'ERR_B'",
      'src/core/a.ts': "throw new PipelineError({ code: 'ERR_A' })",
    });
    expect(errorCodeViolations(['ERR_A', 'ERR_B'], texts, '`ERR_B`: …')).toEqual([
      'ERR_A is not in docs/errors.md',
      'ERR_B is never used',
    ]);
  });

  test('imports are read whole', () => {
    const text = [
      "import 'side-effect';",
      "import a, { type B } from './a.ts';",
      "import type { C } from 'c';",
      "// import { d } from 'd';",
      ' * import { e } from "e";',
      "export * from './f.ts';",
      "const g = () => import('g');",
    ].join('\n');
    expect(importsOf('src/core/x.ts', text).map(({ target }) => target)).toEqual([
      'side-effect',
      'src/core/a.ts',
      'c',
      'src/core/f.ts',
      'g',
    ]);
  });
});
