import type {
  Definition,
  SinkDefinition,
  SourceDefinition,
  StageDefinition,
} from '../core/index.ts';
import { PipelineError } from '../errors.ts';

const namePattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** The components that config files may name. A connector's source and sink may share a name. */
export class Registry {
  readonly sources: ReadonlyMap<string, SourceDefinition>;
  readonly stages: ReadonlyMap<string, StageDefinition>;
  readonly sinks: ReadonlyMap<string, SinkDefinition>;

  /** Throws where a name is malformed or taken. */
  constructor(definitions: Iterable<Definition>) {
    const byKind = { source: new Map(), stage: new Map(), sink: new Map() };
    for (const definition of definitions) {
      const { name } = definition.spec;
      const names: Map<string, unknown> = byKind[definition.kind];
      if (!namePattern.test(name)) throw refused(name, 'is not in kebab-case');
      if (names.has(name)) throw refused(name, `is the name of two ${definition.kind}s`);
      names.set(name, definition);
    }
    this.sources = byKind.source as Map<string, SourceDefinition>;
    this.stages = byKind.stage as Map<string, StageDefinition>;
    this.sinks = byKind.sink as Map<string, SinkDefinition>;
  }
}

function refused(name: string, fact: string): PipelineError {
  return new PipelineError({
    code: 'ERR_CONNECTOR_PROTOCOL',
    place: name,
    fact: `\`${name}\` ${fact}`,
    remedy: 'give each component a name of its own, like `moving-average`',
  });
}
