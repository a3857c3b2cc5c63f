import type * as esbuild from 'esbuild';

/** As far as Vite's own type is needed, so that Vite is not. */
export interface DecoratorsPlugin {
  readonly name: string;
  readonly enforce: 'pre';
  transform(code: string, id: string): Promise<{ code: string; map: string } | undefined>;
}

/** A decorator, or an accessor as decorators need it, at the beginning of a line. */
const decorated = /^\s*(@[\w$(]|(static\s+)?accessor\s)/m;

/**
 * A plugin for Vite and Vitest that compiles standard decorators, which they leave as they are, by
 * `esbuild` (a peer of your own). Files without any are left alone.
 */
export function decorators(): DecoratorsPlugin {
  return {
    name: 'millrace:decorators',
    enforce: 'pre',
    async transform(code, id) {
      const [file = ''] = id.split('?');
      if (!/\.[cm]?tsx?$/.test(file) || !decorated.test(code)) return undefined;
      const { transform } = await loadEsbuild();
      const loader = file.endsWith('x') ? 'tsx' : 'ts';
      return transform(code, { loader, target: 'es2024', sourcemap: true, sourcefile: file });
    },
  };
}

async function loadEsbuild(): Promise<typeof esbuild> {
  try {
    return await import('esbuild');
  } catch (cause) {
    const fact = 'ERR_PEER_MISSING [millrace/vite] decorators are compiled by `esbuild`';
    throw new Error(`${fact}; install it: npm install --save-dev esbuild`, { cause });
  }
}
