import { connectors } from '../connectors/index.ts';
import { Registry } from '../engine/index.ts';
import { stages } from '../stages/index.ts';

/** The components that come with Millrace. */
export function builtins(): Registry {
  return new Registry([...stages, ...connectors]);
}
