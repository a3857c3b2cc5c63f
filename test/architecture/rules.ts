import { posix } from 'node:path';

import { importsOf, type Sources, withoutComments } from './sources.ts';

/** Each area of `src/` and the areas that it may import, beside itself. */
export type Arrows = Readonly<Record<string, readonly string[]>>;

/** What both doors to the library, the entry and the program, hand out. */
const library = [
  'errors',
  'batch',
  'core',
  'observe',
  'stages',
  'connectors',
  'engine',
  'pipeline',
] as const;

/** Section "layout and arrows" of the design. A file in `src/` itself is an area of its own. */
export const arrows: Arrows = {
  errors: [],
  'own-files': [],
  batch: ['errors', 'own-files'],
  core: ['errors', 'batch'],
  resilience: ['errors', 'batch', 'core'],
  observe: ['errors', 'batch', 'core'],
  attributes: ['errors', 'batch', 'core'],
  decorators: ['errors', 'core', 'resilience', 'observe'],
  vite: [],
  stages: ['errors', 'batch', 'core'],
  connectors: ['errors', 'batch', 'core', 'resilience'],
  engine: ['errors', 'own-files', 'batch', 'core', 'resilience', 'observe'],
  server: ['errors', 'own-files', 'core', 'observe', 'engine'],
  cluster: ['errors', 'batch', 'core', 'observe', 'engine'],
  memory: ['errors', 'own-files', 'batch', 'core'],
  testing: ['errors', 'batch', 'core', 'engine'],
  // The door in: it hands the engine what it may not import.
  builtins: ['core', 'connectors', 'stages'],
  pipeline: ['own-files', 'batch', 'core', 'connectors', 'builtins', 'engine', 'cluster'],
  // The program of a lane's thread.
  'lane-thread': ['errors', 'core', 'builtins', 'engine', 'cluster'],
  'monitored-runner': ['errors', 'batch', 'core', 'observe', 'engine', 'pipeline'],
  index: [...library, 'monitored-runner'],
  cli: [...library, 'server', 'memory'],
};

/**
 * Packages, and the places that load them with themselves. Everywhere else they are loaded when they
 * are needed, so that importing a component loads none; the engine's entry loads no config reader.
 */
export const packagesLoadedAtOnce: Arrows = {
  commander: ['src/cli/'],
  hono: ['src/server/app.ts'],
  '@hono/node-server': ['src/server/listen.ts'],
  yaml: ['src/cli/', 'src/engine/config/'],
  zod: ['src/testing/'],
};

/** Modules that reach the outside, and the only places that may. */
export const doors: Arrows = {
  'node:fs': [
    'src/core/system-files.ts',
    'src/cli/',
    'src/observe/flight-recorder/flight-file.ts',
    'src/observe/log/last-words.ts',
    'src/server/assets.ts',
    'src/server/thread.ts',
    'src/server/own-file.ts',
  ],
  'node:fs/promises': ['src/core/system-files.ts', 'src/cli/', 'src/server/own-file.ts'],
  // A pipe between the two processes of a measurement.
  'node:net': ['src/core/system-network.ts', 'src/memory/parent-watch.ts'],
  'node:tls': ['src/core/system-network.ts', 'src/server/serve-options.ts'],
  'node:http': ['src/server/listen.ts'],
  'node:https': ['src/server/listen.ts'],
  // Only in a process of its own can memory be measured.
  'node:child_process': ['src/memory/child.ts'],
  'node:sqlite': ['src/core/file-lock.ts'],
  'node:timers/promises': [],
};

/** Calls that tell time or roll dice, and the only files that may make them. */
const forbiddenCalls: readonly (readonly [call: RegExp, ...files: string[]])[] = [
  [/\bDate\.now\b/, 'src/core/clock.ts'],
  [/\bnew Date\(\)/],
  [/\bperformance\.now\b/, 'src/core/clock.ts'],
  [/\bprocess\.hrtime\b/],
  [/\bset(Timeout|Interval)\(/, 'src/core/clock.ts'],
  [/\bAbortSignal\.timeout\b/],
  [/\bMath\.random\b/, 'src/core/random.ts'],
  [/\brandom(UUID|Bytes|Int)\(/],
];

function areaOf(file: string): string {
  return file.split('/')[1]!.replace(/\.ts$/, '');
}

export function arrowViolations(sources: Sources, allowed: Arrows = arrows): string[] {
  return [...sources].flatMap(([file, text]) => {
    const from = areaOf(file);
    if (!(from in allowed)) return [`${file}: the area \`${from}\` is not in the table`];
    return importsOf(file, text)
      .filter(({ isOurs, target }) => isOurs && areaOf(target) !== from)
      .filter(({ target }) => !allowed[from]!.includes(areaOf(target)))
      .map(
        ({ target }) => `${file} imports ${target}, and ${from} may not import ${areaOf(target)}`,
      );
  });
}

/** Cycles of files, types and lazy imports included: each as `a → b → a`. */
export function cycles(sources: Sources): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file].join(' → '));
    if (start >= 0 || done.has(file)) return;
    for (const { isOurs, target } of importsOf(file, sources.get(file) ?? '')) {
      if (isOurs) visit(target, [...path, file]);
    }
    done.add(file);
  };
  for (const file of sources.keys()) visit(file, []);
  return found;
}

/**
 * Components that import one another. `stages/cast.ts` and `stages/cast/…` are one component;
 * `index.ts`, the list, imports them all.
 */
export function siblingViolations(sources: Sources, area: 'stages' | 'connectors'): string[] {
  const componentOf = (file: string): string => file.split('/')[2]!.replace(/\.ts$/, '');
  return [...sources]
    .filter(([file]) => areaOf(file) === area && componentOf(file) !== 'index')
    .flatMap(([file, text]) =>
      importsOf(file, text)
        .filter(({ isOurs, target }) => isOurs && areaOf(target) === area)
        .filter(({ target }) => componentOf(target) !== componentOf(file))
        .map(({ target }) => `${file} imports ${target}`),
    );
}

/** Packages that are loaded with a file instead of when they are needed. */
export function packageViolations(
  sources: Sources,
  allowed: Arrows = packagesLoadedAtOnce,
): string[] {
  return [...sources].flatMap(([file, text]) =>
    importsOf(file, text)
      .filter(({ isOurs, isType, isLazy }) => !isOurs && !isType && !isLazy)
      .filter(({ target }) => !target.startsWith('node:'))
      .filter(({ target }) => !allowed[target]?.some((place) => file.startsWith(place)))
      .map(({ target }) => `${file} loads ${target} at once`),
  );
}

/** What is loaded with a file: itself, what it imports, and what that imports. */
export function loadedWith(file: string, sources: Sources): ReadonlySet<string> {
  const loaded = new Set([file]);
  // A set gives what is added to it meanwhile, too.
  for (const one of loaded) {
    for (const { isOurs, isType, isLazy, target } of importsOf(one, sources.get(one) ?? '')) {
      if (isOurs && !isType && !isLazy) loaded.add(target);
    }
  }
  return loaded;
}

/**
 * What the page has of the package but types: it speaks HTTP only. And what it puts into the document
 * that is not text.
 */
export function pageViolations(page: Sources): string[] {
  return [...page].flatMap(([file, text]) => [
    ...importsOf(file, text)
      .filter(({ isOurs, isType, target }) => isOurs && !isType && !target.startsWith('dashboard/'))
      .filter(({ target }) => !sharedWithPage.includes(target))
      .map(({ target }) => `${file} imports ${target}`),
    ...[...withoutComments(text).matchAll(markup)].map(([word]) => `${file} uses ${word}`),
  ]);
}

/**
 * What the server and the page both do, and would do differently if each had its own. It imports
 * nothing, so that no more of the package comes into the page.
 */
export const sharedWithPage: readonly string[] = ['src/server/fair-share.ts'];

const markup =
  /\b(?:innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|DOMParser|eval)\b/g;

/** Files that reach the outside past the context. */
export function doorViolations(sources: Sources): string[] {
  return [...sources].flatMap(([file, text]) =>
    importsOf(file, text)
      .filter(({ isType }) => !isType)
      .filter(({ target }) => doors[target]?.some((place) => file.startsWith(place)) === false)
      .map(({ target }) => `${file} imports ${target}`),
  );
}

export function forbiddenCallViolations(sources: Sources): string[] {
  return [...sources].flatMap(([file, text]) => {
    const lines = withoutComments(text).split('\n');
    return lines.flatMap((line, index) =>
      forbiddenCalls
        .filter(([call, ...files]) => !files.includes(file) && call.test(line))
        .map(([call]) => `${file}:${index + 1}: ${call.exec(line)![0]}`),
    );
  });
}

/** Files named for nothing, and default exports. */
export function namingViolations(sources: Sources): string[] {
  return [...sources].flatMap(([file, text]) => [
    ...(/(^|\/)(utils?|helpers?|common|misc)(\/|\.ts$)/.test(file)
      ? [`${file}: name the idea`]
      : []),
    ...(/^\s*export\s+default\b|\bas default\b/m.test(withoutComments(text))
      ? [`${file}: a default export`]
      : []),
  ]);
}

/** The entries of the package, as the files that they are made of. */
export function entriesOf(manifest: { readonly exports: object }): string[] {
  return Object.values(manifest.exports as Record<string, string>)
    .filter((target) => target.endsWith('.js'))
    .map((target) => target.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts'));
}

const declaration =
  /^export (?:async |abstract )*(?:interface|type|class|const|function)\*? ([\w$]+)/gm;

/** What a file exports, each with the file that declares it: itself where none is found. */
function* exportsOf(file: string, sources: Sources): Generator<[file: string, name: string]> {
  const text = sources.get(file) ?? '';
  for (const [, name] of text.matchAll(declaration)) yield [file, name!];
  const lists = /^export (?:(?:type )?\{([^}]*)\}|\*)(?: from '([^']+)')?/gm;
  for (const [, names, from] of text.matchAll(lists)) {
    const inner = from === undefined ? file : posix.join(posix.dirname(file), from);
    const known = from === undefined ? [] : [...exportsOf(inner, sources)];
    if (names === undefined) yield* known;
    for (const listed of names?.split(',') ?? []) {
      const name = listed.trim().replace(/^type /, '');
      if (name === '') continue;
      yield known.find((one) => one[1] === name) ?? [inner, name];
    }
  }
}

/** What an entry exports and no comment stands above, or is declared in no way that is known. */
export function undocumentedExports(entry: string, sources: Sources): string[] {
  const undocumented = [...exportsOf(entry, sources)].flatMap(([file, name]) => {
    const lines = (sources.get(file) ?? '').split('\n');
    const at = lines.findIndex((line) => [...line.matchAll(declaration)][0]?.[1] === name);
    if (at < 0) return [`${file}: ${name}, whose declaration is not found`];
    return lines[at - 1]?.trimEnd().endsWith('*/') === true ? [] : [`${file}: ${name}`];
  });
  return [...new Set(undocumented)];
}

export interface Component {
  readonly kind: string;
  readonly name: string;
}

/** Components that no test beside their kind imports, and those without a page in the docs. */
export function componentViolations(
  components: readonly Component[],
  tests: Sources,
  exists: (path: string) => boolean,
): string[] {
  return components.flatMap(({ kind, name }) => {
    const folder = `test/${kind === 'stage' ? 'stages' : 'connectors'}/`;
    const camel = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const imported = new RegExp(
      `import [^;]*\\b(${camel}|${camel}Source|${camel}Sink)\\b[^;]* from`,
    );
    const isTested = [...tests].some(
      ([file, text]) => file.startsWith(folder) && file.endsWith('.test.ts') && imported.test(text),
    );
    const page = `docs/components/${kind}-${name}.md`;
    return [
      ...(isTested ? [] : [`${kind} ${name}: no test in ${folder} imports it`]),
      ...(exists(page) ? [] : [`${kind} ${name}: no ${page}`]),
    ];
  });
}

/** Error codes that nothing throws, and those without a line in the docs. */
export function errorCodeViolations(
  codes: readonly string[],
  sources: Sources,
  page: string,
): string[] {
  const elsewhere = [...sources].filter(([file]) => file !== 'src/errors.ts');
  return codes.flatMap((code) => [
    ...(elsewhere.some(([, text]) => text.includes(`'${code}'`)) ? [] : [`${code} is never used`]),
    ...(page.includes(`\`${code}\``) ? [] : [`${code} is not in docs/errors.md`]),
  ]);
}
