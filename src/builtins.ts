import { connectors } from './connectors/index.ts';
import { PipelineRegistry } from './core/index.ts';
import { stages } from './stages/index.ts';

/** The components that come with Millrace. */
export function builtins(): PipelineRegistry {
  return new PipelineRegistry([...stages, ...connectors]);
}
