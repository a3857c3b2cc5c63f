import type * as esbuild from 'esbuild';

/** As far as Vite's own type is needed, so that Vite is not. */
export interface DecoratorsPlugin {
  readonly name: string;
  readonly enforce: 'pre';
  transform(code: string, id: string): Promise<{ code: string; map: string } | undefined>;
}

/** By the end of a file's name, once `.mts` is `.ts`; those that may have JSX keep it. */
const loaders: Readonly<Record<string, esbuild.Loader>> = {
  '.js': 'jsx',
  '.jsx': 'jsx',
  '.ts': 'ts',
  '.tsx': 'tsx',
};

/** Where there may be a decorator, or an accessor as decorators need it. No package's name, no mail. */
const candidate = /(?:(?<![\w"'`])|\b(?:export|default))@|\baccessor\b/;

/** The comments that a file begins with, and what they say of its JSX. */
const head = /^(?:\s|\/\/.*|\/\*[^]*?\*\/)*/;
const jsxPragma = /@jsx(?:Runtime|ImportSource|Frag)?[ \t]+[^\s*]+/g;

/**
 * A plugin for Vite and Vitest that compiles standard decorators, which they leave as they are, by
 * `esbuild` (a peer of your own). Files without any are left alone, and so is JSX.
 */
export function decorators(): DecoratorsPlugin {
  return {
    name: 'millrace:decorators',
    enforce: 'pre',
    async transform(code, id) {
      const [file = ''] = id.split('?');
      const [, end = ''] = /(\.[cm]?[jt]sx?)$/.exec(file) ?? [];
      const loader = loaders[end.replace(/^\.[cm]/, '.')];
      if (loader === undefined || !candidate.test(code)) return undefined;
      const { transform } = await loadEsbuild();
      const options: esbuild.TransformOptions = {
        loader,
        target: 'es2024',
        sourcefile: file,
        sourcemap: 'external',
        jsx: 'preserve',
        banner: jsxPragmas(code),
        // Which imports are for types alone Vite decides, which knows the configuration.
        tsconfigRaw: { compilerOptions: { preserveValueImports: true } },
      };
      try {
        const compiled = await transform(code, { ...options, supported: { decorators: false } });
        const plain = await transform(code, { ...options, supported: { decorators: true } });
        // What is the same either way has none: an `@` was in a comment, a text or JSX.
        return compiled.code === plain.code
          ? undefined
          : { code: compiled.code, map: compiled.map };
      } catch (error) {
        // What esbuild cannot read, Vite can, or says what is wrong with it.
        if ('errors' in (error as Partial<esbuild.TransformFailure>)) return undefined;
        throw error;
      }
    },
  };
}

function jsxPragmas(code: string): string {
  const comments = head.exec(code)?.[0].match(jsxPragma) ?? [];
  return comments.map((pragma) => `/** ${pragma} */\n`).join('');
}

async function loadEsbuild(): Promise<typeof esbuild> {
  try {
    return await import('esbuild');
  } catch (cause) {
    const fact = 'ERR_PEER_MISSING [millrace/vite] decorators are compiled by `esbuild`';
    throw new Error(`${fact}; install it: npm install --save-dev esbuild`, { cause });
  }
}
