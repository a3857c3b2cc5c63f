import { randomSecret } from '../core/index.ts';
import { keptOwn, unusable } from './own-file.ts';

/**
 * The key of sessions in `server-session.json` of a state directory, which is made the first time and
 * kept for its owner alone (mode 0600): with it sessions outlive a restart. Throws
 * `ERR_CONFIG_INVALID` where others own or read the file.
 */
export async function keptSessionKey(directory: string): Promise<string> {
  const { key } = await keptOwn(directory, 'server-session.json', made, parsed);
  return key;
}

interface KeptKey {
  readonly key: string;
}

function made(): KeptKey {
  return { key: randomSecret() };
}

function parsed(path: string, text: string): KeptKey {
  const [, key] = /^\{\s*"key":\s*"([\w-]{43})"\s*\}\s*$/.exec(text) ?? [];
  if (key === undefined) throw unusable(path, 'holds no key');
  return { key };
}
