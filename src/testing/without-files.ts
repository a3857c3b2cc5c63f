import type { Outside } from '../core/index.ts';
import { PipelineError } from '../errors.ts';

/** The same outside, where no file can be opened. */
export function withoutFiles(outside: Outside): Outside {
  const { files } = outside;
  const refuse = (path: string): Promise<never> => Promise.reject(refused(path));
  return {
    ...outside,
    files: {
      open: refuse,
      readText: refuse,
      facts: (path) => files.facts(path),
      match: (pattern) => files.match(pattern),
      makeDirectory: (path, access) => files.makeDirectory(path, access),
      lock: refuse,
      rename: (from, to) => files.rename(from, to),
      remove: (path) => files.remove(path),
      space: (path) => files.space(path),
    },
  };
}

function refused(path: string): PipelineError {
  return new PipelineError({
    code: 'ERR_CONNECTOR_FILE',
    place: path,
    fact: 'may not be opened: the suite says so',
  });
}
