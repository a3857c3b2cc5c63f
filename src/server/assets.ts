import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { gzipSync } from 'node:zlib';

import { ownFile } from '../own-files.ts';

/** A file of the page. */
export interface Asset {
  readonly type: string;
  readonly text: string;
  /** The same, compressed. */
  readonly gzip: Uint8Array<ArrayBuffer>;
  /** Whether its name changes with what is in it, so that a browser may keep it. */
  readonly isHashed: boolean;
}

const directory = ownFile('dist/server/dashboard/');
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** Every file of the page, by its path: nothing of a URL reaches the disk. */
export function readAssets(): ReadonlyMap<string, Asset> {
  if (!existsSync(directory)) return unbuilt();
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return new Map(
    names
      .map((name) => name.replaceAll('\\', '/'))
      .filter((name) => Object.hasOwn(types, extname(name)))
      .map((name) => [name === 'index.html' ? '/' : `/${name}`, assetOf(name)]),
  );
}

function assetOf(name: string): Asset {
  const text = readFileSync(new URL(name, directory), 'utf8');
  const type = types[extname(name)]!;
  return { type, text, gzip: compressed(text), isHashed: name.startsWith('assets/') };
}

// Once, when the server starts.
function compressed(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(text));
}

/** In a checkout before the first build. */
function unbuilt(): ReadonlyMap<string, Asset> {
  const text = 'Run `npm run build` for the page.';
  const type = types['.html']!;
  return new Map([['/', { type, text, gzip: compressed(text), isHashed: false }]]);
}
