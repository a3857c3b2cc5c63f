import type { Alert } from '../../../src/server/api-types.ts';
import { span } from '../format.ts';

/** What is about to happen, where the figure is still on its way to the limit. */
export function forecastOf({ leftMs }: Alert): string | undefined {
  return leftMs === undefined ? undefined : `highest limit reached in ${span(leftMs)}`;
}
