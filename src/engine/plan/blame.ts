import { ExpressionError } from '../../core/index.ts';
import type { Path } from '../description.ts';

/** What `checkEach` found, where it found several things. */
export function eachOf(error: unknown): readonly unknown[] {
  const { cause } = error as { readonly cause?: unknown };
  return Array.isArray(cause) ? cause : [error];
}

/** Where a text stands in the options, so that the problem points at it. */
export function pathTo(options: unknown, text: string): Path | undefined {
  if (options === text) return [];
  if (typeof options !== 'object' || options === null) return undefined;
  for (const [key, value] of Object.entries(options)) {
    const below = pathTo(value, text);
    if (below !== undefined) return [Array.isArray(options) ? Number(key) : key, ...below];
  }
  return undefined;
}

/** Where an expression stands in the options: below the option that it is said to be of. */
export function pathToExpression(options: unknown, error: ExpressionError): Path | undefined {
  const below = (value: unknown, option: string): Path | undefined => {
    if (typeof value !== 'object' || value === null) return undefined;
    for (const [key, inner] of Object.entries(value)) {
      const rest =
        key === option
          ? pathTo(inner, error.expression)
          : option.startsWith(`${key}.`) && below(inner, option.slice(key.length + 1));
      if (rest) return [key, ...rest];
    }
    return undefined;
  };
  return below(options, error.option);
}

/** Options with functions where expressions were refused; undefined where that is not all. */
export function withoutExpressions(options: unknown, refused: readonly unknown[]): unknown {
  let mended = options;
  for (const error of refused) {
    const path = error instanceof ExpressionError ? pathToExpression(mended, error) : undefined;
    if (path === undefined) return undefined;
    mended = withValue(mended, path, () => null);
  }
  return mended;
}

function withValue(options: unknown, [key, ...rest]: Path, value: unknown): unknown {
  if (key === undefined) return value;
  const inner = (options as Record<string, unknown>)[key];
  return { ...(options as object), [key]: withValue(inner, rest, value) };
}
