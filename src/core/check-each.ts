import { isPipelineError, PipelineError } from '../errors.ts';

/** Checks every item and throws one error for everything that is wrong with them. */
export function checkEach<T>(items: Iterable<T>, check: (item: T) => void): void {
  const found: PipelineError[] = [];
  for (const item of items) {
    try {
      check(item);
    } catch (error) {
      if (!isPipelineError(error)) throw error;
      found.push(error);
    }
  }
  const [first] = found;
  if (first === undefined) return;
  if (found.length === 1) throw first;
  const told = found.map(({ fact, remedy }) =>
    remedy === undefined ? fact : `${fact}; ${remedy}`,
  );
  throw new PipelineError({
    code: first.code,
    place: found.map(({ place }) => place).join(', '),
    fact: told.join('. Also: '),
    cause: found,
  });
}
